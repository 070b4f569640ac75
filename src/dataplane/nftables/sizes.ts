import type { Element } from '../../nftables/index.ts';
import { templateNameOf } from './sets.ts';

/**
 * How many elements were written, by set. Sets of single Service ports are counted as one: `live4` for all of
 * `live4_1b3c…`.
 */
export class Sizes {
  readonly #counts = new Map<string, number>();

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Of a set that is counted by itself. */
  of(set: string): number | undefined {
    return templateNameOf(set) === set ? (this.#counts.get(set) ?? 0) : undefined;
  }

  add(set: string, by: number): void {
    const name = templateNameOf(set);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  addEach(elements: readonly Element[], by: 1 | -1): void {
    for (const { set } of elements) this.add(set, by);
  }
}
