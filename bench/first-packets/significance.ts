import { Random } from '../../test/support/index.ts';

const draws = 20_000;

/**
 * How likely it is that differences of pairs are as far from zero on average as these by chance alone: the share of all ways to
 * turn their signs about that are. 20,000 ways are drawn, so that the smallest value is 0.00005.
 */
export function pairedPermutation(differences: readonly number[], seed = 1): number {
  const random = new Random(seed);
  const seen = Math.abs(sum(differences));
  let asFar = 1;
  for (let draw = 0; draw < draws; draw++) {
    const turned = sum(differences.map((difference) => (random.chance(50) ? difference : -difference)));
    if (Math.abs(turned) >= seen) asFar++;
  }
  return asFar / (draws + 1);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
