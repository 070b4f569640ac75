import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Element } from '../../nftables/index.ts';
import { inTransactions } from './batches.ts';
import { intervalElements } from './intervals.ts';
import { differenceTo } from './plan.ts';

/** Plain elements, to push intervals into other transactions. */
const many = (set: string, count: number): Element[] =>
  Array.from({ length: count }, (_, index) => ({ set, key: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}` }));

const present = many('cluster_ips4', 11_000);
const added = many('hairpin4', 6_000);

const prefix = fc.tuple(fc.nat(255), fc.integer({ min: 24, max: 32 })).map(([at, bits]) => `10.96.0.${at}/${bits}`);
const frontend = fc.constantFrom('192.0.2.1 . tcp . 80', '192.0.2.2 . tcp . 80');

/** Node ranges and source ranges of two frontends. */
const intervals = fc
  .record({
    node: fc.array(prefix, { maxLength: 5 }),
    sources: fc.array(fc.record({ frontend, ranges: fc.array(prefix, { maxLength: 5 }) }), { maxLength: 2 }),
  })
  .map(({ node, sources }) => {
    const byFrontend = new Map(sources.map((source) => [source.frontend, source.ranges]));
    const elements = [...byFrontend].map(([key, ranges]) =>
      intervalElements('source_ranges', ranges, (range) => `${key} . ${range}`),
    );
    return [...intervalElements('service_cidrs', node), ...elements.flat()];
  });

const textOf = ({ set, key }: Element): string => `${set} ${key}`;
const isInterval = ({ set }: Element): boolean => /^(service_cidrs|source_ranges)/.test(set);

/** Where an interval is, and its first and last address in 10.96.0.0/24. */
function hostsOf(element: Element): { place: string; first: number; last: number } {
  const [, place = '', first = '', bits = '32'] = /^(.*)\b10\.96\.0\.(\d+)(?:\/(\d+))?$/.exec(textOf(element)) ?? [];
  return { place, first: Number(first), last: Number(first) + 2 ** (32 - Number(bits)) - 1 };
}

function overlap(a: Element, b: Element): boolean {
  const [one, other] = [hostsOf(a), hostsOf(b)];
  return one.place === other.place && one.first <= other.last && other.first <= one.last;
}

describe('many changes in several transactions', () => {
  it('never add an interval that overlaps one which is still there', () => {
    fc.assert(
      fc.property(intervals, intervals, (before, after) => {
        const held = new Map(before.map((element) => [textOf(element), element]));
        let parts = 0;
        for (const { deletes, adds } of inTransactions(differenceTo([...after, ...added], [...present, ...before]))) {
          parts++;
          for (const element of deletes) held.delete(textOf(element));
          for (const element of adds.filter(isInterval)) {
            expect([...held.values()].filter((other) => overlap(element, other))).toEqual([]);
            held.set(textOf(element), element);
          }
        }
        expect(parts).toBeGreaterThan(2);
        expect([...held.keys()].sort()).toEqual(after.map(textOf).sort());
      }),
      { numRuns: 15 },
    );
  });
});
