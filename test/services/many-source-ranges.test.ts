import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serviceObject, sliceObject } from '../support/index.ts';
import { addresses, hasTable, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

let rig: ServiceRig;

beforeAll(async () => {
  rig = await ServiceRig.create();
  rig.slice('web-4', slice('web', 4, ['localPod', 'remotePod']));
  const ranges = { loadBalancerSourceRanges: ['10.0.0.0/8'] };
  rig.service('other', {
    ...serviceObject('other', { clusterIPs: ['10.96.0.30'], type: 'LoadBalancer', ...ranges }),
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.30' }] } },
  });
  rig.slice('other', sliceObject('other', 'other', ['10.244.2.2']));
  await rig.run();
}, 60_000);

afterAll(() => rig[Symbol.asyncDispose]());

/** So many ranges that do not touch each other, and the last one. */
function ranges(count: number, last: string): string[] {
  const some = Array.from({ length: count - 1 }, (_, at) => `20.${at >> 7}.${(at & 127) * 2}.0/24`);
  return [...some, last];
}

/** Milliseconds that it takes until they are in force, and the elements that were written. */
async function admit(loadBalancerSourceRanges: readonly string[]): Promise<{ took: number; elements: number }> {
  rig.service('web', loadBalancer({ loadBalancerSourceRanges }));
  const start = performance.now();
  const { written } = await rig.run();
  return { took: performance.now() - start, elements: written.elements };
}

async function reaches(where: Where): Promise<boolean> {
  const address = addresses[4].loadBalancerIP;
  const request = { protocol: 'tcp', address, port: 80, timeoutMilliseconds: 500 } as const;
  const [answer] = await rig.namespaceOf(where).request(request);
  return answer?.error === undefined;
}

/** Everything in the table that is the other Service's, with the handles of sets and chains. */
async function othersThings(): Promise<string[]> {
  const listing = await rig.nft('--handle', '--stateless', 'list', 'table', 'inet', 'nftproxy');
  const [, digest = ''] = /192\.0\.2\.30 \. tcp \. 80 : goto firewall4_(\w+)\.\d+/.exec(listing) ?? [];
  const lines = listing.split('\n').filter((line) => line.includes(`4_${digest}.`));
  const elements = [...listing.matchAll(/(?:192\.0\.2|10\.96\.0)\.30 [^,}]*/g)].map(([text]) => text.trim());
  return [...lines, ...elements].sort();
}

describe('a load balancer with 10,000 source ranges', () => {
  it('is loaded in no more time for each than one with 1,000, but for a factor', async () => {
    const few = await admit(ranges(1000, '172.31.0.0/16'));
    const many = await admit(ranges(10_000, '172.31.0.0/16'));
    expect(many.elements).toBeGreaterThanOrEqual(10_000);
    // Quadratic would be a hundred times.
    expect(many.took / few.took).toBeLessThan(40);
  }, 60_000);

  it('admits a client of the last range, and nobody else', async () => {
    expect([await reaches('outside'), await reaches('clientPod')]).toEqual([true, false]);
  });

  it.skipIf(!hasTable)(
    'admits others when one of them changes, and leaves what other Services have alone',
    async () => {
      const before = await othersThings();
      expect(before.length).toBeGreaterThan(3);
      const { elements } = await admit(ranges(10_000, '10.244.0.0/16'));
      expect([await reaches('outside'), await reaches('clientPod')]).toEqual([false, true]);
      expect(await othersThings()).toEqual(before);
      // Its own ranges, and its verdicts for three protocols.
      expect(elements).toBeLessThan(10_100);
    },
    60_000,
  );
});
