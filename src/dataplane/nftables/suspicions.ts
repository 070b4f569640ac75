import { MalformedMessageError } from '../../netlink/index.ts';
import type { Element, ForeignChange } from '../../nftables/index.ts';
import { parseKernelName } from './generation.ts';
import { definitionOf } from './sets.ts';

/** So many elements that others touched are looked at one by one: some 20 microseconds each. */
const mostKeys = 1000;

/** Elements that others touched, by set as the kernel calls it: their keys, or whatever the set holds. */
export type Touched = ReadonlyMap<string, ReadonlySet<string> | 'all'>;

/** What others may have changed in our table and nobody has looked at since. */
export class Suspicions {
  /** Tables, chains, rules, sets. */
  rules = false;
  /** Any element: which ones is not known, or they are too many. */
  elements = false;
  #touched = new Map<string, Set<string> | 'all'>();
  #keys = 0;

  note(change: ForeignChange | 'lost'): void {
    if (change === 'lost') this.rules = this.elements = true;
    else if (change.elements) this.#noteElements(change.elements);
    else this.rules = true;
  }

  /** Elements to look at, which are no longer suspected. */
  takeTouched(): Touched {
    const touched = this.#touched;
    this.#touched = new Map();
    this.#keys = 0;
    return touched;
  }

  /** Nobody could look at them. */
  putBack(touched: Touched): void {
    for (const [set, keys] of touched) {
      if (keys === 'all') this.#touched.set(set, keys);
      else for (const key of keys) this.#add(set, key);
    }
  }

  #noteElements({ set, of }: NonNullable<ForeignChange['elements']>): void {
    const definition = definitionOf(parseKernelName(set)?.name ?? '');
    // No set of ours; or one whose elements come from packets.
    if (!definition || definition.dynamic === true) return;
    // Intervals are told by their boundaries. Sets of them are small.
    if (definition.interval === true) this.#touched.set(set, 'all');
    else this.#noteKeys(set, () => of(definition));
  }

  /** Elements that are not of the set's type: somebody has made another one in its place. */
  #noteKeys(set: string, read: () => readonly Element[]): void {
    try {
      for (const { key } of read()) this.#add(set, key);
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error;
      this.rules = this.elements = true;
    }
  }

  #add(set: string, key: string): void {
    const keys = this.#touched.get(set) ?? new Set();
    if (keys === 'all' || keys.has(key)) return;
    if (this.#keys >= mostKeys) {
      this.elements = true;
      return;
    }
    this.#touched.set(set, keys.add(key));
    this.#keys++;
  }
}
