import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostOf } from '../support/index.ts';
import { addresses, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';
import type { Pod, Where } from '../support/node/index.ts';

let rig: ServiceRig;
const families = [4, 6] as const;
const sticky = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 100 } } } as const;

beforeAll(async () => {
  rig = await ServiceRig.create();
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** Where connections from here end; the pod's name, once for each connection. */
async function reached(where: Where, address: string, port = 80, count = 6): Promise<Set<string>> {
  const answers = await rig.namespaceOf(where).request({ protocol: 'tcp', address, port, count });
  expect(answers.map(({ error }) => error).filter(Boolean)).toEqual([]);
  return new Set(answers.map(({ server }) => nameOf(hostOf(server))));
}

function nameOf(address: string | undefined): string {
  const pods = ['localPod', 'remotePod'] as const;
  return pods.find((pod) => families.some((family) => addresses[family][pod] === address)) ?? String(address);
}

let spec: NonNullable<Parameters<typeof loadBalancer>[0]> = {};
let pods: readonly Pod[] = [];

async function serve(parts: typeof spec, endpoints: readonly Pod[] = pods): Promise<void> {
  [spec, pods] = [parts, endpoints];
  rig.service('web', loadBalancer({ ...sticky, ...parts }));
  for (const family of families) rig.slice(`web-${family}`, slice('web', family, endpoints));
  await rig.run();
}

async function restart(): Promise<void> {
  const slices = Object.fromEntries(families.map((family) => [`web-${family}`, slice('web', family, pods)]));
  rig.restart({ services: { web: loadBalancer({ ...sticky, ...spec }) }, slices });
  await rig.run();
}

const both = ['localPod', 'remotePod'] as const;

describe('a client that is remembered for an endpoint on another node', () => {
  for (const [policy, where, address] of [
    ['externalTrafficPolicy', 'outside', 'loadBalancerIP'],
    ['externalTrafficPolicy', 'outside', 'externalIP'],
    ['internalTrafficPolicy', 'clientPod', 'clusterIP'],
  ] as const) {
    it(`is sent to one on this node when ${policy} becomes Local (${address}), and after a restart too`, async () => {
      await serve({}, ['remotePod']);
      for (const family of families) {
        expect(await reached(where, addresses[family][address])).toEqual(new Set(['remotePod']));
      }
      await serve({ [policy]: 'Local' }, both);
      for (const family of families) {
        expect(await reached(where, addresses[family][address])).toEqual(new Set(['localPod']));
      }
      await restart();
      for (const family of families) {
        expect(await reached(where, addresses[family][address])).toEqual(new Set(['localPod']));
      }
    });
  }
});

describe('a client of a Service port', () => {
  const places = (family: 4 | 6): [string, number][] => [
    [addresses[family].clusterIP, 80],
    [addresses[family].node, 30080],
    [addresses[family].externalIP, 80],
    [addresses[family].loadBalancerIP, 80],
  ];

  it('has one endpoint through every address, also over a restart', async () => {
    await serve({}, both);
    for (const family of families) {
      const first = await reached('outside', addresses[family].clusterIP);
      expect(first.size).toBe(1);
      for (const [address, port] of places(family)) expect(await reached('outside', address, port)).toEqual(first);
      await restart();
      for (const [address, port] of places(family)) expect(await reached('outside', address, port)).toEqual(first);
    }
  });

  it('keeps it when the time-out changes', async () => {
    await serve({}, both);
    const before = await reached('clientPod', addresses[4].clusterIP);
    for (const timeoutSeconds of [7, 10_800, 50]) {
      await serve({ sessionAffinityConfig: { clientIP: { timeoutSeconds } } });
      expect(await reached('clientPod', addresses[4].clusterIP)).toEqual(before);
    }
  });

  for (const priority of [100, 90, -100]) {
    it(`keeps it beside a CNI plugin that replaces its source at postrouting priority ${priority}`, async () => {
      await rig.space.nft(`table inet cni {
        chain postrouting {
          type nat hook postrouting priority ${priority};
          oifname "uplink" ip saddr 10.244.1.0/24 masquerade
          oifname "uplink" ip6 saddr fd00:10:244:1::/64 masquerade
          oifname "uplink" ip6 saddr fd00:10:244:1:1::/64 masquerade
        }
      }`);
      try {
        // Ours is made after theirs, and theirs is asked first where the priorities are the same.
        await serve({}, ['remotePod']);
        await restart();
        for (const family of families) await reached('clientPod', addresses[family].clusterIP);
        await serve({}, both);
        for (const family of families) {
          expect(await reached('clientPod', addresses[family].clusterIP, 80, 12)).toEqual(new Set(['remotePod']));
        }
      } finally {
        await rig.nft('delete', 'table', 'inet', 'cni');
        rig.service('web', undefined);
        await rig.run();
      }
    });
  }
});
