import { addressNumber, familyOf, parseRange } from '../../ip/index.ts';
import type { AddressRange } from '../../ip/index.ts';

/** The source ranges of a load balancer, to be asked for very many clients: there may be ten thousand of both. */
export class AdmittedSources {
  readonly #ranges: readonly AddressRange[];

  /** @param ranges of one family, sorted, none overlapping, as a frontend has them */
  constructor(ranges: readonly string[]) {
    this.#ranges = ranges.map((range) => parseRange(range));
  }

  /** Whether a client may connect. */
  has(address: string): boolean {
    const number = addressNumber(address, familyOf(address));
    let from = 0;
    let to = this.#ranges.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      const range = this.#ranges[middle];
      if (range === undefined || number < range.first) to = middle;
      else if (number > range.last) from = middle + 1;
      else return true;
    }
    return false;
  }
}
