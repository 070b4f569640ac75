import { describe, expect, it } from 'vitest';
import { chiSquareTest, upperGamma } from './statistics.ts';

describe('the chi-square test', () => {
  it.each([
    // Critical values as printed in the tables of any textbook.
    [3.841, 1, 0.05],
    [10.828, 1, 0.001],
    [14.067, 7, 0.05],
    [24.322, 7, 0.001],
    [16.919, 9, 0.05],
    [27.877, 9, 0.001],
    [2.167, 7, 0.95],
    [124.342, 100, 0.05],
  ])('says of %d with %d degrees of freedom what the tables say', (chiSquare, degrees, probability) => {
    expect(upperGamma(degrees / 2, chiSquare / 2)).toBeCloseTo(probability, 4);
  });

  it('agrees with the closed form for two degrees of freedom', () => {
    for (const x of [0, 0.1, 1, 2, 5, 30]) expect(upperGamma(1, x)).toBeCloseTo(Math.exp(-x), 12);
  });

  it('finds nothing wrong with counts as expected', () => {
    expect(chiSquareTest([100, 200, 300], [1, 2, 3])).toEqual({ chiSquare: 0, degreesOfFreedom: 2, probability: 1 });
  });

  it('tells a loaded die from a fair one', () => {
    expect(chiSquareTest([95, 102, 103, 97, 105, 98], [1, 1, 1, 1, 1, 1]).probability).toBeGreaterThan(0.9);
    expect(chiSquareTest([95, 102, 103, 97, 5, 198], [1, 1, 1, 1, 1, 1]).probability).toBeLessThan(1e-9);
  });

  it('refuses counts that do not go with the shares', () => {
    expect(() => chiSquareTest([1, 2], [1])).toThrow(RangeError);
  });
});
