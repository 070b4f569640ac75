import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Backoff, jittered } from './backoff.ts';
import type { BackoffOptions } from './backoff.ts';

const waits = (backoff: Backoff, count: number): number[] => Array.from({ length: count }, () => backoff.next());

/** Limits as somebody might choose them, and the chances that the waits will draw. */
const limits = fc.record({
  first: fc.integer({ min: 1, max: 5000 }),
  atMost: fc.integer({ min: 5000, max: 600_000 }),
  factor: fc.constantFrom(1, 1.5, 2, 3),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});
const chances = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 });

function drawing(numbers: readonly number[]): () => number {
  let at = 0;
  return () => numbers[at++ % numbers.length]!;
}

describe('a back-off', () => {
  test('doubles until the longest wait, and starts over after a success', () => {
    const backoff = new Backoff({ first: 800, atMost: 30_000, random: () => 0 });
    expect(waits(backoff, 8)).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
    expect(backoff.failures).toBe(8);
    backoff.reset();
    expect([backoff.failures, backoff.next()]).toEqual([0, 800]);
  });

  test('lets those who failed together come back at different times, also at the longest wait', () => {
    const fleet = Array.from({ length: 1000 }, () => new Backoff({ first: 800, atMost: 30_000 }));
    for (const limit of [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]) {
      const times = fleet.map((backoff) => backoff.next());
      for (let quarter = 0; quarter < 4; quarter++) {
        const from = limit * (0.5 + quarter / 8);
        const inside = times.filter((time) => time >= from && time <= from + limit / 8);
        expect(inside.length).toBeGreaterThan(100);
      }
    }
  });

  test('never waits longer than the limit nor less than its jitter allows, however long the row of failures', () => {
    fc.assert(
      fc.property(limits, chances, fc.constantFrom(1, 10, 50, 1500), (options, numbers, count) => {
        const backoff = new Backoff({ ...options, random: drawing(numbers) });
        const { first, atMost, factor, jitter } = options;
        const outside = waits(backoff, count).filter((wait, n) => {
          const whole = Math.min(first * factor ** n, atMost);
          return !(wait <= whole && wait > whole * (1 - jitter) - 1 && Number.isInteger(wait));
        });
        expect(outside).toEqual([]);
      }),
    );
  });

  test('without chance, each wait is as long as the one before or longer, until the limit', () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 2, max: 200 }), (options, count) => {
        const all = waits(new Backoff({ ...options, random: () => 0 }), count);
        for (const [n, wait] of all.entries()) expect(wait).toBeGreaterThanOrEqual(all[n - 1] ?? 0);
        if (options.factor > 1) expect(waits(new Backoff({ ...options, jitter: 0 }), 200).at(-1)).toBe(options.atMost);
      }),
    );
  });

  test('remembers nothing from before a success', () => {
    fc.assert(
      fc.property(limits, fc.array(fc.nat(40), { maxLength: 10 }), (options: BackoffOptions, rows) => {
        const used = new Backoff({ ...options, jitter: 0 });
        for (const row of rows) {
          const fresh = new Backoff({ ...options, jitter: 0 });
          expect(waits(used, row)).toEqual(waits(fresh, row));
          expect(used.failures).toBe(row);
          used.reset();
        }
      }),
    );
  });
});

test('a regular time is shortened by chance, at most by the share that it may take', () => {
  expect(jittered(600, 0.5, () => 0)).toBe(600);
  fc.assert(
    fc.property(chances, (numbers) => {
      const time = jittered(600, 0.5, drawing(numbers));
      expect(time).toBeGreaterThanOrEqual(300);
      expect(time).toBeLessThanOrEqual(600);
    }),
  );
});
