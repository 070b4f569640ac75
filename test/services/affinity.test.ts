import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostOf } from '../support/index.ts';
import type { Answer } from '../support/index.ts';
import { addresses, loadBalancer, service, ServiceRig, slice } from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

let rig: ServiceRig;
const sticky = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 100 } } } as const;

beforeAll(async () => {
  rig = await ServiceRig.create();
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

async function servers(where: Where, address: string, port = 80, count = 20): Promise<Set<string>> {
  const answers: Answer[] = await rig.namespaceOf(where).request({ protocol: 'tcp', address, port, count });
  expect(answers.map((answer) => answer.error).filter(Boolean)).toEqual([]);
  return new Set(answers.map((answer) => hostOf(answer.server)));
}

function slices(pods: readonly ('localPod' | 'remotePod')[]): void {
  for (const family of [4, 6] as const) rig.slice(`web-${family}`, slice('web', family, pods));
}

describe('session affinity by client IP', () => {
  beforeAll(async () => {
    rig.service('web', loadBalancer(sticky));
    slices(['localPod', 'remotePod']);
    await rig.run();
  });

  for (const family of [4, 6] as const) {
    it(`keeps a client with its endpoint, at ClusterIP and NodePort (IPv${family})`, async () => {
      expect((await servers('clientPod', addresses[family].clusterIP)).size).toBe(1);
      expect((await servers('outside', addresses[family].node, 30080)).size).toBe(1);
      expect((await servers('node', addresses[family].clusterIP)).size).toBe(1);
    });

    it(`sends the client elsewhere once its endpoint has gone, and leaves it there when it comes back (IPv${family})`, async () => {
      const { clusterIP, localPod } = addresses[family];
      const [first = ''] = await servers('clientPod', clusterIP);
      const other = first === localPod ? 'remotePod' : 'localPod';
      slices([other]);
      await rig.run();
      expect(await servers('clientPod', clusterIP)).toEqual(new Set([addresses[family][other]]));
      slices(['localPod', 'remotePod']);
      await rig.run();
      expect(await servers('clientPod', clusterIP)).toEqual(new Set([addresses[family][other]]));
    });
  }

  it('survives a restart of the agent', async () => {
    const before = await servers('clientPod', addresses[4].clusterIP);
    rig.restart({
      services: { web: loadBalancer(sticky) },
      slices: {
        'web-4': slice('web', 4, ['localPod', 'remotePod']),
        'web-6': slice('web', 6, ['localPod', 'remotePod']),
      },
    });
    await rig.run();
    expect(await servers('clientPod', addresses[4].clusterIP)).toEqual(before);
  });

  it('can be switched off and on again, with another timeout beside the first', async () => {
    rig.service('web', loadBalancer());
    await rig.run();
    expect((await servers('clientPod', addresses[4].clusterIP, 80, 60)).size).toBe(2);
    rig.service('web', loadBalancer({ ...sticky, sessionAffinityConfig: { clientIP: { timeoutSeconds: 7 } } }));
    await rig.run();
    expect((await servers('clientPod', addresses[4].clusterIP)).size).toBe(1);
  });

  it('forgets a client that has been away for longer than the timeout', async () => {
    rig.service('web', service({ ...sticky, sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } }));
    await rig.run();
    const seen = new Set<string>();
    for (let visit = 0; visit < 12 && seen.size < 2; visit++) {
      for (const server of await servers('clientPod', addresses[4].clusterIP, 80, 1)) seen.add(server);
      await new Promise((resolve) => setTimeout(resolve, 1300));
    }
    expect(seen.size).toBe(2);
  }, 60_000);
});
