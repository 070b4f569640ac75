import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../services/index.ts';
import { loadSlots, loadTable } from './load-table.ts';

const endpoint = (number: number, weight = 1): Endpoint => ({
  ...{ address: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`, port: 80, local: false, weight },
});
const load = fc.array(fc.integer({ min: 16, max: 256 }), { minLength: 1, maxLength: 200 });
const tableOf = (weights: readonly number[]) => loadTable(weights.map((weight, number) => endpoint(number, weight)));
const countOf = (table: readonly Endpoint[], number: number) =>
  table.filter(({ address }) => address === endpoint(number).address).length;

describe('the table for least-connections', () => {
  it('keeps its size while the load moves, whatever the load', () => {
    fc.assert(
      fc.property(load, (weights) => {
        expect(tableOf(weights)).toHaveLength(loadSlots(weights.length));
      }),
    );
  });

  it('gives everybody a share, and nobody much more or less than asked for', () => {
    fc.assert(
      fc.property(load, (weights) => {
        const table = tableOf(weights);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        weights.forEach((weight, number) => {
          const count = countOf(table, number);
          expect(count).toBeGreaterThanOrEqual(1);
          expect(Math.abs(count - (weight * table.length) / total)).toBeLessThan(1 + weights.length / 8);
        });
      }),
    );
  });

  it.each([
    [1, 16],
    [10, 160],
    [60, 256],
    [100, 400],
    [1000, 4000],
    [5000, 8192],
    [20_000, 20_000],
  ])('has for %d endpoints %d slots: few each where there are many', (endpoints, slots) => {
    expect(loadSlots(endpoints)).toBe(slots);
  });

  it('can tell four times the average from a quarter of it, with a thousand endpoints too', () => {
    const table = tableOf(Array.from({ length: 1000 }, (_, number) => (number === 1 ? 256 : number === 2 ? 16 : 64)));
    expect(countOf(table, 1)).toBeGreaterThanOrEqual(15);
    expect(countOf(table, 2)).toBe(1);
  });

  it('is the same on every node and after every restart', () => {
    fc.assert(
      fc.property(load, (weights) => {
        expect(tableOf(weights)).toEqual(tableOf(weights));
      }),
    );
  });

  it('changes little more than the slots that change hands', () => {
    const thousand = Array.from({ length: 1000 }, (_, number) => 32 + ((number * 37) % 96));
    const before = tableOf(thousand);
    let changed = 0;
    for (let number = 0; number < 50; number++) {
      const moved = thousand.with(number * 20, 64);
      const after = tableOf(moved);
      changed += after.filter(({ address }, slot) => before[slot]?.address !== address).length;
    }
    // Some 2 slots a move change hands at least; a table filled in order would move hundreds of lodgers.
    expect(changed / 50).toBeLessThan(40);
  });
});
