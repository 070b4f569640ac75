import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Namespace } from '../support/index.ts';
import { addresses, loadBalancer, ServiceRig } from '../support/node/index.ts';

let rig: ServiceRig;
const places = ['clientPod', 'node', 'outside'] as const;

beforeAll(async () => {
  rig = await ServiceRig.create();
  // No endpoints at all.
  rig.service('web', loadBalancer());
  await rig.run();
  for (const where of places) await rig.namespaceOf(where).nft(attempts);
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** Counts what a client sends to open connections: it sends again after a second if it was not told. */
const attempts = `table inet attempts {
  counter sent {}
  chain output { type filter hook output priority -300; tcp flags & (syn | ack) == syn counter name sent;\n }
}`;

async function sentBy(space: Namespace): Promise<number> {
  const listing = await space.run('nft', ['list', 'counter', 'inet', 'attempts', 'sent']);
  return Number(/packets (\d+)/.exec(listing)?.[1]);
}

describe('many connections in a row to a Service without endpoints', () => {
  for (const family of [4, 6] as const) {
    for (const where of places) {
      it(`are refused at once, each of them, over TCP (IPv${family}, from ${where})`, async () => {
        const { clusterIP, node, loadBalancerIP } = addresses[family];
        const space = rig.namespaceOf(where);
        for (const [address, port] of [
          [clusterIP, 80],
          [clusterIP, 81],
          [node, 30080],
          [loadBalancerIP, 80],
        ] as const) {
          const before = await sentBy(space);
          const answers = await space.request({ protocol: 'tcp', address, port, count: 25 });
          expect(answers.map(({ error }) => error)).toEqual(Array(25).fill('ECONNREFUSED'));
          expect((await sentBy(space)) - before).toBe(25);
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
