import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latencyBounds } from '../../haproxy/index.ts';
import type { SectionCounts } from '../../haproxy/index.ts';
import { RequestTotals } from './request-totals.ts';

const none = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
const size = latencyBounds.length + 1;

const inFirst = (value: number) => [value % 2 ** 32, ...Array<number>(size - 1).fill(0)];

/** What a worker says when so many answers, and so much waiting, all fell into the first bucket. */
const read = (answers: number, sum = 0): SectionCounts => ({
  answers: { ...none, '2xx': answers },
  latencies: { counts: inFirst(answers), sums: inFirst(sum) },
});
const totalOf = (totals: RequestTotals) => {
  const { answers, latencies } = totals.all.get('web') ?? {};
  return [answers?.['2xx'], latencies?.counts[0], latencies?.sums[0]];
};

describe('what workers have answered together', () => {
  it('is the sum of what each has counted since it was read before', () => {
    const totals = new RequestTotals();
    totals.add('web', undefined, read(10, 100));
    totals.add('web', read(10, 100), read(15, 170));
    totals.add('web', undefined, read(1, 3));
    expect(totalOf(totals)).toEqual([16, 16, 173]);
  });

  it('goes on where a counter of 32 bits begins again', () => {
    const totals = new RequestTotals();
    const before = 2 ** 32 - 5;
    totals.add('web', undefined, read(before, before));
    totals.add('web', read(before, before), read(before + 12, before + 7));
    expect(totalOf(totals)).toEqual([before + 12, before + 12, before + 7]);
  });

  it('takes counters that somebody has cleared for new ones', () => {
    const totals = new RequestTotals();
    totals.add('web', undefined, read(1000, 1000));
    totals.add('web', read(1000, 1000), read(3, 4));
    totals.add('web', read(3, 4), { answers: { ...none, '2xx': 5 }, latencies: undefined });
    expect(totalOf(totals)).toEqual([1005, 1003, 1004]);
  });

  it('never gets less, whatever workers say', () => {
    const anything = fc.integer({ min: 0, max: 2 ** 33 });
    fc.assert(
      fc.property(fc.array(fc.tuple(anything, anything, anything, anything)), (readings) => {
        const totals = new RequestTotals();
        let before = [0, 0, 0] as (number | undefined)[];
        for (const [a, b, c, d] of readings) {
          totals.add('web', read(a, b), read(c, d));
          const now = totalOf(totals);
          for (const [at, value] of now.entries()) expect(value).toBeGreaterThanOrEqual(before[at] ?? 0);
          before = now;
        }
      }),
    );
  });

  it('begins at nothing for a Service port that is gone and comes again', () => {
    const totals = new RequestTotals();
    totals.add('web', undefined, read(10));
    totals.forget(['web']);
    expect(totals.all.size).toBe(0);
    totals.add('web', undefined, read(2));
    expect(totalOf(totals)).toEqual([2, 2, 0]);
  });
});
