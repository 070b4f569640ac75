/** How well counts fit what was expected. */
export interface Fit {
  /** Pearson's statistic. */
  readonly chiSquare: number;
  readonly degreesOfFreedom: number;
  /** Chance of a fit this bad or worse if the expectation is right. */
  readonly probability: number;
}

/**
 * Pearson's chi-square test of counts against shares (any positive numbers; only their ratios matter). Meant for
 * expected counts of five and more.
 */
export function chiSquareTest(counts: readonly number[], shares: readonly number[]): Fit {
  if (counts.length !== shares.length || counts.length < 2) throw new RangeError('counts and shares must go in pairs');
  const total = sumOf(counts);
  const whole = sumOf(shares);
  const chiSquare = sumOf(
    counts.map((count, index) => {
      const expected = (total * (shares[index] ?? 0)) / whole;
      return (count - expected) ** 2 / expected;
    }),
  );
  const degreesOfFreedom = counts.length - 1;
  return { chiSquare, degreesOfFreedom, probability: upperGamma(degreesOfFreedom / 2, chiSquare / 2) };
}

export function sumOf(numbers: Iterable<number>): number {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}

/** The regularized upper incomplete gamma function Q(a, x), for a > 0 and x >= 0 (Abramowitz and Stegun 6.5). */
export function upperGamma(a: number, x: number): number {
  if (x === 0) return 1;
  const factor = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? 1 - factor * lowerSeries(a, x) : factor * upperFraction(a, x);
}

const precision = 1e-14;

/** Sum of x^n / (a (a+1) … (a+n)), which converges fast for x < a + 1 (6.5.29). */
function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; term > sum * precision; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** The continued fraction 6.5.31, from the far end: deep enough for x >= a + 1. */
function upperFraction(a: number, x: number): number {
  const depth = 500;
  let tail = 0;
  for (let n = depth; n > 0; n--) tail = (n * (n - a)) / (x + 2 * n + 1 - a - tail);
  return 1 / (x + 1 - a - tail);
}

/** ln Γ(z) by Stirling's series, shifted to where it is exact to some 14 digits (6.1.40). */
function logGamma(z: number): number {
  let shift = 0;
  let argument = z;
  while (argument < 15) shift += Math.log(argument++);
  const inverse = 1 / argument;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680))));
  return (argument - 0.5) * Math.log(argument) - argument + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
