/** Numbers that look random and come again with the same seed (mulberry32, a public-domain generator of 32 bits). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to `below` - 1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  /** True `percent` times in a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** @throws RangeError if there is nothing to pick from. */
  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(Math.max(from.length, 1))];
    if (picked === undefined) throw new RangeError('there is nothing to pick from');
    return picked;
  }
}
