import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Transaction } from '../../nftables/index.ts';
import { parseKernelName } from './generation.ts';
import { templateNameOf } from './sets.ts';
import { idOf, NodeRig, plainNode, ports, servicePort, table } from './testing/index.ts';

/** Of any rule, chain or set. */
const notElements = 'something else than elements';

/** A node with a round-robin Service, number 1, that has so many endpoints. */
class Site extends NodeRig {
  readonly #affinitySeconds: number | undefined;

  constructor(o: { affinitySeconds?: number; owner?: boolean } = {}) {
    super({ owner: o.owner ?? true, persist: o.owner ?? true });
    this.#affinitySeconds = o.affinitySeconds;
  }

  async start(endpoints: number): Promise<void> {
    await this.dataPlane.start(this.#service(endpoints), plainNode);
  }

  /** Goes to these numbers of endpoints, one after the other. What is refused does not count. */
  async goTo(...numbers: readonly number[]): Promise<void> {
    for (const number of numbers) await this.dataPlane.apply(this.#service(number));
  }

  /** What the kernel tells of while `change` goes on: elements, by the sets that they are in, and whatever else. */
  async told(change: () => Promise<void>): Promise<string[]> {
    const changes = this.foreigner.foreignChanges(table);
    await change();
    const kinds = new Set<string>();
    for (const told of changes.read()) {
      const set = told === 'lost' ? undefined : told.elements?.set;
      kinds.add(set === undefined ? notElements : templateNameOf(parseKernelName(set)?.name ?? set));
    }
    changes.close();
    return [...kinds].sort();
  }

  /** The Service's chain, as the kernel calls it; '' if there is none. */
  get chain(): string {
    return /(?<=chain )round_robin4_\S+/.exec(String(this.kernel))?.[0] ?? '';
  }

  /** What tells the Service's rules from others, but for the last one, which is always the same. */
  async draws(): Promise<string[]> {
    const rules = this.chain === '' ? [] : await this.foreigner.rules(table, this.chain);
    return rules.slice(0, -1).map(({ fingerprint }) => fingerprint ?? '');
  }

  #service(endpoints: number): ReturnType<typeof ports> {
    const numbers = Array.from({ length: endpoints }, (_, index) => index + 1);
    const affinity = this.#affinitySeconds === undefined ? {} : { affinitySeconds: this.#affinitySeconds };
    return ports(servicePort(1, numbers, { algorithm: 'round-robin', ...affinity }));
  }
}

/** Numbers of endpoints by what tells their rule from others: that of a Service that has had no other number. */
const numbers = new Map<string, number>();

beforeAll(async () => {
  for (let number = 2; number < 20; number++) {
    const site = new Site();
    await site.start(number);
    const draws = await site.draws();
    expect(draws).toHaveLength(1);
    for (const draw of draws) numbers.set(draw, number);
  }
  expect(numbers.size).toBe(18);
});

/** The numbers of endpoints for which the Service has a rule. */
async function rulesOf(site: Site): Promise<(number | undefined)[]> {
  return (await site.draws()).map((draw) => numbers.get(draw)).sort((a = 0, b = 0) => a - b);
}

describe('a round-robin Service whose number of endpoints changes', () => {
  it('is followed by elements alone if it has had that number: no rule and no verdict is written', async () => {
    const site = new Site();
    await site.start(3);
    // The first time there is no rule for it yet.
    expect(await site.told(() => site.goTo(4))).toContain(notElements);
    const slots = ['round_robin_counts4', 'round_robin_endpoints4'];
    for (const number of [3, 4, 3]) expect(await site.told(() => site.goTo(number))).toEqual(slots);
  });

  it('with session affinity, too', async () => {
    const site = new Site({ affinitySeconds: 60 });
    await site.start(3);
    await site.goTo(4, 3);
    expect(await site.told(() => site.goTo(4))).toEqual(['live4', 'round_robin_counts4', 'round_robin_endpoints4']);
  });

  it('has a rule for each of the last eight numbers at most', async () => {
    const site = new Site();
    await site.start(2);
    await site.goTo(3, 4, 5, 6, 7, 8, 9);
    expect(await rulesOf(site)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    // It was one of the oldest, and is the last one now.
    await site.goTo(3, 10, 11);
    expect(await rulesOf(site)).toEqual([3, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('never loses the rule that packets meet, however many changes fail', async () => {
    const site = new Site();
    await site.start(2);
    await site.goTo(3, 4, 3);
    site.refuse(({ set }) => (set === 'round_robin_counts4' ? 'ENFILE' : undefined));
    for (let number = 5; number < 20; number++) {
      await site.goTo(number);
      expect(site.dataPlane.served.get(idOf(1))).toMatchObject({ port: { clusterEndpoints: { length: 3 } } });
      expect(await rulesOf(site)).toContain(3);
    }
  });

  it('has the rule for its number after any changes, taken or refused', async () => {
    const step = fc.record({
      number: fc.integer({ min: 1, max: 19 }),
      refused: fc.constantFrom(true, true, true, true, false),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const site = new Site();
        await site.start(2);
        let current = 2;
        for (const { number, refused } of steps) {
          site.refuse(({ set }) => (refused && set === 'round_robin_counts4' ? 'ENFILE' : undefined));
          await site.goTo(number);
          if (!refused) current = number;
          const rules = await rulesOf(site);
          // With one endpoint there are no turns.
          if (current === 1) expect(rules).toEqual([]);
          else expect(rules).toContain(current);
          expect(rules.length).toBeLessThanOrEqual(8);
          expect(new Set(rules).size).toBe(rules.length);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('has after a restart the one rule that it needs', async () => {
    const site = new Site();
    await site.start(2);
    await site.goTo(3, 4, 3);
    site.restart();
    await site.start(3);
    expect(await rulesOf(site)).toEqual([3]);
  });

  it('is whole with the rules that stay, and is not if somebody takes one away', async () => {
    const site = new Site({ owner: false });
    await site.start(2);
    await site.goTo(3, 2);
    await site.foreigner.commit(new Transaction(table).addChain({ name: 'theirs' }));
    expect(await site.dataPlane.verify()).toBe('intact');
    const [first] = await site.foreigner.rules(table, site.chain);
    await site.foreigner.commit(new Transaction(table).deleteRule(site.chain, first?.handle ?? 0));
    expect(await site.dataPlane.verify()).toBe('changed');
  });
});
