import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/index.ts';
import { addresses, Cleaning, service, ServiceRig, slice } from '../support/node/index.ts';

let rig: ServiceRig;
let cleaning: Cleaning;

beforeAll(async () => {
  rig = await ServiceRig.create();
  cleaning = new Cleaning(rig);
}, 60_000);

afterAll(async () => {
  await cleaning.stop();
  await rig[Symbol.asyncDispose]();
});

/** As if an endpoint that has gone since had been chosen for a client of the Service, in zone `zone`. */
async function remember(protocol: 'tcp' | 'udp', zone: number): Promise<void> {
  const { clientPod, clusterIP } = addresses[4];
  await rig.space.run('conntrack', [
    ...['-I', '-p', protocol, '-s', clientPod, '-d', clusterIP, '--sport', '5353', '--dport', '80'],
    ...['--dst-nat', '10.244.9.9:8080', '--timeout', '600', '-w', String(zone)],
    ...(protocol === 'tcp' ? ['--state', 'SYN_SENT'] : []),
  ]);
}

/** The zones in which the node tracks connections to the Service; 0 is the node's own. */
async function zones(protocol: 'tcp' | 'udp'): Promise<number[]> {
  const filter = ['-f', 'ipv4', '-p', protocol, '--orig-dst', addresses[4].clusterIP];
  const text = await rig.space.run('conntrack', ['-L', ...filter]);
  const lines = text.split('\n').filter((line) => line.includes(protocol));
  return lines.map((line) => Number(/ zone=(\d+)/.exec(line)?.[1] ?? 0)).sort();
}

describe('connections in a conntrack zone of their own', () => {
  it.each(['udp', 'tcp'] as const)('are somebody else’s: only the node’s own are cleaned (%s)', async (protocol) => {
    rig.service('web', service());
    rig.slice('web-4', slice('web', 4, ['localPod']));
    await cleaning.run();
    await cleaning.done();
    for (const zone of [0, 7, 9]) await remember(protocol, zone);
    rig.slice('web-4', slice('web', 4, ['remotePod']));
    await cleaning.run();
    await eventually('the node’s own to go', async () => !(await zones(protocol)).includes(0));
    expect(await zones(protocol)).toEqual([7, 9]);
  });

  it('are not counted as load of their endpoints', async () => {
    const seen: string[] = [];
    await remember('udp', 11);
    await rig.conntrack.scan({ family: 4, dnat: true }, ({ reply }) => seen.push(reply.source));
    expect(seen).not.toContain('10.244.9.9');
  });
});
