import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressBytes } from '../../src/ip/index.ts';
import { hashSeed, jhash, scaleToSlot, trace } from '../../src/dataplane/nftables/index.ts';
import { maglevSlots } from '../../src/dataplane/balancing/index.ts';
import type { Family } from '../../src/services/index.ts';
import { clientAddress, endpointAddress, flowsOf, serviceAddress } from './objects.ts';
import { Rig } from './rig.ts';
import { chiSquareTest } from './statistics.ts';

/** Clients in the comparison of single choices, and in that of shares. */
const few = 400;
const many = 4000;
const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
let rig: Rig;
let other: Rig;

beforeAll(async () => {
  [rig, other] = await Promise.all([Rig.create(10), Rig.create(10)]);
}, 60_000);

afterAll(async () => {
  await Promise.all([rig, other].map((one) => one[Symbol.asyncDispose]()));
});

/** Where each client is sent, found out by a flow of each. */
async function choices(node: Rig, count: number, family: Family = 4): Promise<Map<string, string>> {
  const arrivals = await node.flows(flowsOf(count, { family }));
  expect(arrivals.total).toBe(count);
  return arrivals.endpointOf();
}

/** What user space says from the kernel's own elements. */
async function traced(node: Rig, count: number, family: Family): Promise<Map<string, string>> {
  const view = await node.view();
  const predicted = new Map<string, string>();
  for (let number = 0; number < count; number++) {
    const source = clientAddress(family, number);
    const { chosen } = await trace(view, {
      source,
      destination: serviceAddress(family),
      protocol: 'udp',
      port: 80,
      fromHost: false,
      fromPod: true,
      toHost: false,
      masqueradeAll: false,
    });
    predicted.set(source, chosen?.replace(/:\d+$/, '').replace(/[[\]]/g, '') ?? 'nothing certain');
  }
  return predicted;
}

/** What the slot table alone says. */
function hashed(slots: readonly string[], count: number, family: Family): Map<string, string> {
  return new Map(
    Array.from({ length: count }, (_, number) => {
      const client = clientAddress(family, number);
      return [client, slots[scaleToSlot(jhash(addressBytes(client), hashSeed), slots.length)] ?? ''];
    }),
  );
}

/** Endpoints in the order in which the data plane keeps them: by address as text. */
const sorted = (family: Family): string[] => numbers.map((number) => endpointAddress(family, number)).sort();

function maglevTableOf(family: Family): string[] {
  const endpoints = sorted(family).map((address) => ({ address, port: 8080, local: false, weight: 1 }));
  return maglevSlots(endpoints, 1021).map(({ address }) => address);
}

/** Share of clients that are sent elsewhere; of those whose endpoint stayed, too. */
function moved(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>, gone: string) {
  const clients = [...before.keys()];
  const movers = clients.filter((client) => before.get(client) !== after.get(client));
  const needless = movers.filter((client) => before.get(client) !== gone);
  return { all: movers.length / clients.length, needless: needless.length / clients.length };
}

function evenness(chosen: ReadonlyMap<string, string>, shares: readonly number[]): number {
  const counts = numbers.map(
    (number) => [...chosen.values()].filter((one) => one === endpointAddress(4, number)).length,
  );
  const present = [...counts.keys()].filter((index) => (shares[index] ?? 0) > 0);
  expect(present.length).toBe(counts.filter((count) => count > 0).length);
  const pick = (values: readonly number[]): number[] => present.map((index) => values[index] ?? 0);
  return chiSquareTest(pick(counts), pick(shares)).probability;
}

for (const algorithm of ['source-hash', 'maglev'] as const) {
  describe(algorithm, () => {
    beforeAll(async () => {
      for (const node of [rig, other]) node.setService('web', { algorithm });
      // The same endpoints, but the nodes hear of them one way and the other, and the second with detours.
      rig.setEndpoints('web', numbers);
      other.setEndpoints('web', [1]);
      await other.run();
      other.setEndpoints('web', [{ endpoint: 3, weight: 9 }, 7, 2]);
      await other.run();
      other.setEndpoints('web', numbers.toReversed());
      await Promise.all([rig, other].map((node) => node.run()));
    }, 60_000);

    for (const family of [4, 6] as const) {
      it(`sends each of ${few} clients where user space says, on both nodes alike (IPv${family})`, async () => {
        const chosen = await choices(rig, few, family);
        expect(chosen.size).toBe(few);
        expect(await traced(rig, few, family)).toEqual(chosen);
        const slots = algorithm === 'maglev' ? maglevTableOf(family) : sorted(family);
        expect(hashed(slots, few, family)).toEqual(chosen);
        expect(await choices(other, few, family)).toEqual(chosen);
      }, 60_000);
    }

    it('sends a client to the same endpoint with every connection', async () => {
      const arrivals = await rig.flows(flowsOf(1000, { clients: 50 }));
      expect(arrivals.endpointOf().size).toBe(50);
    }, 60_000);
  });
}

describe('when one of ten endpoints leaves', () => {
  // The first by address: plain hashing suffers most from the first or the last, half as much from one in the middle.
  const gone = endpointAddress(4, 1);
  const left = numbers.filter((number) => number !== 1);

  async function disruption(algorithm: string): Promise<{ all: number; needless: number }> {
    rig.setService('web', { algorithm });
    rig.setEndpoints('web', numbers);
    await rig.run();
    const before = await choices(rig, many);
    expect(
      evenness(
        before,
        numbers.map(() => 1),
      ),
    ).toBeGreaterThan(0.001);
    rig.setEndpoints('web', left);
    await rig.run();
    const after = await choices(rig, many);
    expect([...after.values()]).not.toContain(gone);
    return moved(before, after, gone);
  }

  it('maglev moves its clients and few others, plain hashing moves about half of all', async () => {
    const maglev = await disruption('maglev');
    const plain = await disruption('source-hash');
    const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
    console.log(
      `of ${many} clients move: maglev ${percent(maglev.all)} (${percent(maglev.needless)} needlessly), ` +
        `source-hash ${percent(plain.all)} (${percent(plain.needless)} needlessly); its own clients are 10 %`,
    );
    expect(maglev.all).toBeLessThan(1 / 10 + 0.06);
    expect(maglev.needless).toBeLessThan(0.06);
    expect(plain.all).toBeGreaterThan(0.4);
  }, 120_000);
});

describe('weights', () => {
  it.each(['source-hash', 'maglev'])(
    'decide how many clients an endpoint gets with %s',
    async (algorithm) => {
      const weights = [1, 2, 3, 4, 0, 5, 10, 20, 20, 35];
      rig.setService('web', { algorithm });
      rig.setEndpoints(
        'web',
        weights.map((weight, index) => ({ endpoint: index + 1, weight })),
      );
      await rig.run();
      expect(evenness(await choices(rig, many), weights)).toBeGreaterThan(0.001);
    },
    60_000,
  );
});
