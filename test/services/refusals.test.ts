import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addresses, loadBalancer, ServiceRig } from '../support/node/index.ts';

let rig: ServiceRig;

beforeAll(async () => {
  rig = await ServiceRig.create();
  // No endpoints at all.
  rig.service('web', loadBalancer());
  await rig.run();
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

describe('many connections in a row to a Service without endpoints', () => {
  for (const family of [4, 6] as const) {
    for (const where of ['clientPod', 'node', 'outside'] as const) {
      it(`are refused at once, each of them, over TCP (IPv${family}, from ${where})`, async () => {
        const { clusterIP, node, loadBalancerIP } = addresses[family];
        for (const [address, port] of [
          [clusterIP, 80],
          [clusterIP, 81],
          [node, 30080],
          [loadBalancerIP, 80],
        ] as const) {
          // Shorter than the second after which a client that was not told tries again.
          const requests = { protocol: 'tcp', address, port, count: 25, timeoutMilliseconds: 900 } as const;
          const answers = await rig.namespaceOf(where).request(requests);
          expect(answers.map(({ error }) => error)).toEqual(Array(25).fill('ECONNREFUSED'));
        }
      });

      it(`are refused over UDP (IPv${family}, from ${where})`, async () => {
        const { clusterIP } = addresses[family];
        const requests = { protocol: 'udp', address: clusterIP, port: 80, count: 1 } as const;
        const [answer] = await rig.namespaceOf(where).request({ ...requests, timeoutMilliseconds: 3000 });
        expect(answer?.error).toBe('ECONNREFUSED');
      });
    }
  }
});
