import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoFlowtables } from '../support/index.ts';
import { addresses, modeUnderTest, service, ServiceRig, slice } from '../support/node/index.ts';

/** On other machines the ratio says more about what else they do: a loaded one had 0.7 and 1.1 in two runs. */
const isCounted = process.env['NFTPROXY_TEST_TIME'] === 'instructions';
const uncounted = isCounted ? undefined : 'for emulated machines, whose time is instructions: npm run test:kernels';
const missing = modeUnderTest === 'nftables' ? (whyNoFlowtables() ?? uncounted) : 'for mode nftables';
const { clusterIP, remotePod } = addresses[4];

/** Small segments: what a packet costs, whatever is in it. */
const mtu = 400;
const bytes = 2_000_000;
const rounds = 5;
const turns = 3;

const server = `require('node:net').createServer((socket) => socket.resume()).listen(8080, '${remotePod}', () => console.log('listens'));`;

/** Sends, and says how many milliseconds it took until the other side had it all; once more, to begin with. */
const client = `
  const { connect } = require('node:net');
  const piece = Buffer.alloc(64_000);
  const send = () => new Promise((resolve, reject) => {
    const started = performance.now();
    let left = ${bytes};
    const socket = connect(80, '${clusterIP}', function more() {
      while (left > 0) {
        left -= piece.length;
        if (!socket.write(piece)) return socket.once('drain', more);
      }
      socket.end();
    });
    socket.on('error', reject).on('close', () => resolve(performance.now() - started));
    socket.resume();
  });
  (async () => {
    await send();
    const took = [];
    for (let round = 0; round < ${rounds}; round++) took.push(await send());
    console.log(JSON.stringify(took));
  })();`;

describe.skipIf(missing !== undefined)(`what the fast path is good for (${missing ?? 'flowtables'})`, () => {
  let rig: ServiceRig;

  beforeAll(async () => {
    rig = await ServiceRig.create();
    rig.service('web', service());
    rig.slice('web-4', slice('web', 4, ['remotePod']));
    const listens = Promise.withResolvers<undefined>();
    rig.world.remotePod.start([process.execPath, '-e', server], { onLine: () => listens.resolve(undefined) });
    await listens.promise;
    await rig.namespaceOf('clientPod').ip(`link set to-node mtu ${mtu} gso_max_segs 1`);
  }, 60_000);

  afterAll(() => rig[Symbol.asyncDispose]());

  /** Milliseconds of each transfer: of an emulated machine that counts time in instructions, what the packets cost. */
  async function transfers(fastPath: 'Enabled' | 'Disabled'): Promise<number[]> {
    rig.configure({ nftables: { fastPath } });
    await rig.run();
    return JSON.parse(await rig.namespaceOf('clientPod').run(process.execPath, ['-e', client])) as number[];
  }

  it('a packet of an open connection costs less, in turns with and without', async () => {
    const took = { Enabled: [] as number[], Disabled: [] as number[] };
    for (let turn = 0; turn < turns; turn++) {
      for (const fastPath of ['Disabled', 'Enabled'] as const) took[fastPath].push(...(await transfers(fastPath)));
    }
    // What else the machine has to do only makes it take longer.
    const ratio = Math.min(...took.Enabled) / Math.min(...took.Disabled);
    console.log(`with the fast path a transfer takes ${ratio.toFixed(3)} of the time without`, JSON.stringify(took));
    expect(ratio).toBeLessThan(1);
  });
});
