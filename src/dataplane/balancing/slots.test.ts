import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../services/index.ts';
import { apportion, maglevRows, maglevSlots, slotCounts, weightedTable } from './slots.ts';

const endpoint = (number: number, weight = 1): Endpoint => ({
  address: `10.0.${number >> 8}.${number & 255}`,
  port: 80,
  local: false,
  weight,
});
const weights = fc.array(fc.integer({ min: 0, max: 256 }), { minLength: 1, maxLength: 40 });
const share = (table: readonly Endpoint[], one: Endpoint): number => table.filter((slot) => slot === one).length;

describe('how many slots an endpoint gets', () => {
  it('gives equal endpoints one slot each, in their order', () => {
    const endpoints = [endpoint(1, 7), endpoint(2, 7), endpoint(3, 7)];
    expect(weightedTable(endpoints)).toEqual(endpoints);
  });

  it('divides weights by what they have in common', () => {
    expect(slotCounts([20, 10, 30])).toEqual([2, 1, 3]);
  });

  it('gives an endpoint of weight 0 no new connections', () => {
    const endpoints = [endpoint(1, 0), endpoint(2, 3)];
    expect(weightedTable(endpoints)).toEqual([endpoints[1]]);
    expect(weightedTable([endpoint(1, 0)])).toEqual([]);
  });

  it('keeps every share within one slot of what the weights ask for, and leaves nobody out', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 40, max: 300 }), (given, limit) => {
        const counts = slotCounts(given, limit);
        const total = counts.reduce((a, b) => a + b, 0);
        const sum = given.reduce((a, b) => a + b, 0);
        expect(total).toBeLessThanOrEqual(Math.max(limit, given.length));
        given.forEach((weight, index) => {
          const count = counts[index] ?? 0;
          if (weight === 0) expect(count).toBe(0);
          else expect(count).toBeGreaterThanOrEqual(1);
          // Slots that guarantee a minimum of one are taken from the others.
          if (sum > 0) expect(Math.abs(count - (weight * total) / sum)).toBeLessThan(1 + given.length / 2);
        });
      }),
    );
  });

  it('tells weights apart among a thousand endpoints as among ten', () => {
    const stable = Array.from({ length: 990 }, (_, index) => endpoint(index, 9));
    const canary = Array.from({ length: 10 }, (_, index) => endpoint(1000 + index, 1));
    const table = weightedTable([...stable, ...canary]);
    const slots = (of: readonly Endpoint[]): number => table.filter((slot) => of.includes(slot)).length / of.length;
    expect(slots(stable) / slots(canary)).toBeGreaterThan(8);
  });

  it('hands out exactly the slots there are', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 40, max: 1024 }), (given, capacity) => {
        const total = given.reduce((a, b) => a + b, 0);
        if (total === 0) return;
        expect(apportion(given, total, capacity).reduce((a, b) => a + b, 0)).toBe(capacity);
      }),
    );
  });

  it('spreads the slots of a heavy endpoint out instead of sending it a run of connections', () => {
    const table = weightedTable([endpoint(1, 3), endpoint(2, 1), endpoint(3, 1), endpoint(4, 1)]);
    const heavy = table.map((slot, index) => (slot.weight === 3 ? index : -1)).filter((index) => index >= 0);
    expect(Math.min(...heavy.slice(1).map((at, index) => at - (heavy[index] ?? 0)))).toBeGreaterThan(1);
  });
});

describe('Maglev', () => {
  const endpoints = Array.from({ length: 10 }, (_, index) => endpoint(index));

  it('fills every row, and equal endpoints differ by at most one row', () => {
    const table = maglevSlots(endpoints, 1021);
    const counts = endpoints.map((one) => share(table, one));
    expect(table).toHaveLength(1021);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  it('makes the same table on every node, whatever the order in which endpoints appeared', () => {
    const names = (table: readonly Endpoint[]): string[] => table.map((one) => one.address);
    expect(names(maglevSlots([...endpoints].reverse(), 1021))).toEqual(names(maglevSlots(endpoints, 1021)));
  });

  it('moves little but the clients of an endpoint that leaves (published figures: about 2 % more at 1021 rows)', () => {
    const before = maglevSlots(endpoints, 1021);
    const after = maglevSlots(endpoints.slice(1), 1021);
    const unnecessary = before.filter((one, row) => one !== endpoints[0] && after[row] !== one).length;
    expect(unnecessary / 1021).toBeLessThan(0.06);
  });

  it('follows weights', () => {
    const weighted = [endpoint(1, 1), endpoint(2, 3)];
    const table = maglevSlots(weighted, 1021);
    expect(share(table, weighted[1] as Endpoint) / 1021).toBeCloseTo(0.75, 1);
    expect(maglevSlots([endpoint(1, 0)], 1021)).toEqual([]);
  });

  it('takes a larger table for more endpoints than rows: everybody gets a share, and about the same', () => {
    for (const [count, configured] of [
      [1500, 1021],
      [252, 251],
      [4100, 4093],
      [10_000, 251],
    ] as const) {
      const many = Array.from({ length: count }, (_, number) => endpoint(number));
      const rows = new Map(many.map((one) => [one, 0]));
      for (const one of maglevSlots(many, configured)) rows.set(one, (rows.get(one) ?? 0) + 1);
      expect(Math.min(...rows.values())).toBeGreaterThanOrEqual(3);
      expect(Math.max(...rows.values()) - Math.min(...rows.values())).toBeLessThanOrEqual(1);
    }
  });

  it('keeps the size that is configured as long as there is a row for everybody who has weight', () => {
    const many = Array.from({ length: 1500 }, (_, number) => endpoint(number, number < 1021 ? 1 : 0));
    expect(maglevSlots(many, 1021)).toHaveLength(1021);
    expect(maglevRows(1021, 1021)).toBe(1021);
    expect(maglevRows(1022, 1021)).toBe(4093);
  });

  it('takes the largest table there is for more endpoints than that can have a fair share', () => {
    expect(maglevRows(30_000, 1021)).toBe(65_521);
    expect(maglevRows(70_000, 1021)).toBe(65_521);
  });

  it('leaves no endpoint of positive weight out, with any weights and few rows', () => {
    const few = fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 245, maxLength: 300 });
    fc.assert(
      fc.property(few, (given) => {
        const endpoints = given.map((weight, number) => endpoint(number, weight));
        expect(new Set(maglevSlots(endpoints, 251)).size).toBe(endpoints.length);
      }),
    );
  });

  it('leaves no endpoint of positive weight out, however heavy the others are', () => {
    const table = maglevSlots([endpoint(1, 256), endpoint(2, 1), endpoint(3, 256)], 251);
    expect(share(table, table.find((one) => one.weight === 1) as Endpoint)).toBe(1);
  });
});
