import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addresses, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

const families = [4, 6] as const;
const both = ['localPod', 'remotePod'] as const;
let rig: ServiceRig;

beforeAll(async () => {
  rig = await ServiceRig.create();
  rig.configure({ clusterCIDRs: [], masqueradeAll: true });
  rig.service('web', loadBalancer({ externalTrafficPolicy: 'Local' }));
  for (const family of families) rig.slice(`web-${family}`, slice('web', family, both));
  await rig.run();
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** Who answers, and whether anybody saw the client's own address. */
async function reached(where: Where, family: 4 | 6, address: string, port: number) {
  const answers = await rig.namespaceOf(where).request({ protocol: 'tcp', address, port, count: 24 });
  expect(answers.map((answer) => answer.error).filter(Boolean)).toEqual([]);
  const own = addresses[family][where];
  return {
    pods: both.filter((pod) => answers.some(({ server }) => server?.includes(addresses[family][pod]))),
    kept: answers.some(
      ({ client }) => client === own || client?.startsWith(`${own}:`) || client?.startsWith(`[${own}]`),
    ),
  };
}

describe('masqueradeAll without a way to tell local traffic', () => {
  for (const family of families) {
    const { clusterIP, node, loadBalancerIP } = addresses[family];

    it(`masquerades every connection to a ClusterIP (IPv${family})`, async () => {
      for (const where of ['clientPod', 'outside'] as const) {
        const expected = { pods: ['localPod', 'remotePod'], kept: false };
        expect(await reached(where, family, clusterIP, 80), where).toEqual(expected);
      }
    });

    it(`sends pods to this node's endpoints only where the external policy is Local (IPv${family})`, async () => {
      const expected = { pods: ['localPod'], kept: true };
      expect(await reached('clientPod', family, node, 30080)).toEqual(expected);
      expect(await reached('clientPod', family, loadBalancerIP, 80)).toEqual(expected);
    });
  }
});
