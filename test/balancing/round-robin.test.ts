import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpointAddress, flowsOf, serviceAddress } from './objects.ts';
import type { Flow } from '../support/index.ts';
import { Rig } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await Rig.create(12);
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** One flow to each Service in turn. */
function* alternating(services: readonly number[], rounds: number): Generator<Flow> {
  const streams = services.map((service) => flowsOf(rounds, { service, clients: 10 }));
  for (let round = 0; round < rounds; round++) {
    for (const stream of streams) yield stream.next().value as Flow;
  }
}

const countsOf = (byEndpoint: ReadonlyMap<string, number>, numbers: readonly number[]): number[] =>
  numbers.map((number) => byEndpoint.get(endpointAddress(4, number)) ?? 0);

describe('round-robin', () => {
  it('serves every endpoint of a Service equally often while another Service is hit in between', async () => {
    rig.setService('first', { number: 1, algorithm: 'round-robin' });
    rig.setService('second', { number: 2, algorithm: 'round-robin' });
    rig.setEndpoints('first', [1, 2, 3, 4]);
    rig.setEndpoints('second', [5, 6, 7, 8]);
    await rig.run();
    const { byEndpoint } = await rig.flows(alternating([1, 2], 2000));
    expect(countsOf(byEndpoint, [1, 2, 3, 4, 5, 6, 7, 8])).toEqual(Array(8).fill(500));
  }, 60_000);

  it('would not with a counter for both: each Service would use every second endpoint only', async () => {
    const service = (number: number) => `${serviceAddress(4, number)} . udp . 80`;
    const slots = (number: number, endpoints: readonly number[]) =>
      endpoints.map((endpoint, slot) => `${service(number)} . ${slot} : ${endpointAddress(4, endpoint)} . 8080`);
    await using shared = await Rig.create(8);
    await shared.space.nft(`table ip shared_counter {
      map endpoints {
        typeof ip daddr . meta l4proto . th dport . numgen inc mod 4 : ip daddr . th dport
        elements = { ${[...slots(1, [1, 2, 3, 4]), ...slots(2, [5, 6, 7, 8])].join(', ')} }
      }
      chain prerouting {
        type nat hook prerouting priority dstnat
        meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport . numgen inc mod 4 map @endpoints
      }
    }`);
    const { byEndpoint } = await shared.flows(alternating([1, 2], 200));
    expect(countsOf(byEndpoint, [1, 2, 3, 4]).sort()).toEqual([0, 0, 100, 100]);
    expect(countsOf(byEndpoint, [5, 6, 7, 8]).sort()).toEqual([0, 0, 100, 100]);
  }, 60_000);

  it('keeps a counter per port and family of a Service', async () => {
    const listed = await rig.nft('list', 'table', 'inet', 'nftproxy');
    // Two Services, each with TCP and UDP, each in both families.
    expect(listed.match(/chain round_robin[46]_\w+\.\d+ \{/g)?.length).toBe(8);
    const { byEndpoint } = await rig.flows(flowsOf(400, { family: 6, service: 1, clients: 10 }));
    expect([1, 2, 3, 4].map((number) => byEndpoint.get(endpointAddress(6, number)))).toEqual([100, 100, 100, 100]);
  }, 60_000);

  it('shares exactly by weight', async () => {
    rig.setEndpoints('first', [
      { endpoint: 1, weight: 10 },
      { endpoint: 2, weight: 20 },
      { endpoint: 3, weight: 50 },
      { endpoint: 4, weight: 0 },
    ]);
    await rig.run();
    const { byEndpoint } = await rig.flows(alternating([1, 2], 800));
    expect(countsOf(byEndpoint, [1, 2, 3, 4])).toEqual([100, 200, 500, 0]);
    expect(countsOf(byEndpoint, [5, 6, 7, 8])).toEqual([200, 200, 200, 200]);
  }, 60_000);

  it('serves every endpoint equally often however often their number changes', async () => {
    // More numbers than a Service keeps rules for, and back to some of them.
    rig.setEndpoints('second', [11, 12]);
    for (const number of [2, 3, 4, 5, 6, 7, 8, 9, 10, 2, 10, 4, 3, 1, 3, 4]) {
      const endpoints = Array.from({ length: number }, (_, index) => index + 1);
      rig.setEndpoints('first', endpoints);
      await rig.run();
      const { byEndpoint } = await rig.flows(alternating([1, 2], 20 * number));
      expect(countsOf(byEndpoint, endpoints), `${number} endpoints`).toEqual(endpoints.map(() => 20));
    }
  }, 120_000);

  it('removes the chains of a Service that no longer uses it', async () => {
    rig.setService('first', { number: 1, algorithm: 'random' });
    rig.setService('second', undefined);
    await rig.run();
    expect(await rig.nft('list', 'table', 'inet', 'nftproxy')).not.toContain('round_robin');
  });
});
