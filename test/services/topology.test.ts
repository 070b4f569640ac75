import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EndpointObject } from '../../src/services/index.ts';
import { addresses, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

type Hints = NonNullable<EndpointObject['hints']>;

let rig: ServiceRig;
const both = ['localPod', 'remotePod'] as const;

beforeAll(async () => {
  rig = await ServiceRig.create();
  rig.service('web', loadBalancer());
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** Installs both endpoints with these hints, and tells who answers. */
async function servers(local: Hints | undefined, remote: Hints | undefined, where: Where = 'clientPod') {
  const hints = { localPod: local, remotePod: remote };
  const reached: string[][] = [];
  for (const family of [4, 6] as const) {
    const plain = slice('web', family, both);
    const withHints = (plain.endpoints ?? []).map((endpoint, index) => ({ ...endpoint, hints: hints[both[index]!] }));
    rig.slice(`web-${family}`, { ...plain, endpoints: withHints });
  }
  await rig.run();
  for (const family of [4, 6] as const) {
    const target =
      where === 'outside'
        ? { address: addresses[family].node, port: 30080 }
        : { address: addresses[family].clusterIP, port: 80 };
    const answers = await rig.namespaceOf(where).request({ protocol: 'tcp', ...target, count: 24 });
    expect(answers.map((answer) => answer.error).filter(Boolean)).toEqual([]);
    reached.push(both.filter((pod) => answers.some(({ server }) => server?.includes(addresses[family][pod]))));
  }
  expect(reached[0]).toEqual(reached[1]);
  return reached[0];
}

const zone = (...names: string[]): Hints => ({ forZones: names.map((name) => ({ name })) });
const node = (name: string): Hints => ({ forNodes: [{ name }] });

describe('topology hints, on node-1 in zone a', () => {
  it('same zone: only the endpoints hinted for this zone, from pods and from outside', async () => {
    expect(await servers(zone('b'), zone('a'))).toEqual(['remotePod']);
    expect(await servers(zone('b'), zone('a'), 'outside')).toEqual(['remotePod']);
    expect(await servers(zone('a'), zone('a', 'b'))).toEqual(['localPod', 'remotePod']);
  });

  it('same node: only the endpoints hinted for this node, before the zone is asked', async () => {
    expect(await servers({ ...node('node-1'), ...zone('a') }, { ...node('node-2'), ...zone('a') })).toEqual([
      'localPod',
    ]);
    expect(await servers({ ...node('node-2'), ...zone('b') }, { ...node('node-1'), ...zone('a') })).toEqual([
      'remotePod',
    ]);
  });

  it('same node without an endpoint for this node: those of the zone', async () => {
    expect(await servers({ ...node('node-2'), ...zone('b') }, { ...node('node-2'), ...zone('a') })).toEqual([
      'remotePod',
    ]);
  });

  it('no endpoint for this zone, or one without a hint: all endpoints', async () => {
    expect(await servers(zone('b'), zone('c'))).toEqual(['localPod', 'remotePod']);
    expect(await servers(zone('a'), undefined)).toEqual(['localPod', 'remotePod']);
  });

  it('policy Local does not look at hints', async () => {
    rig.service('web', loadBalancer({ externalTrafficPolicy: 'Local' }));
    expect(await servers(zone('b'), zone('a'), 'outside')).toEqual(['localPod']);
    rig.service('web', loadBalancer());
  });
});
