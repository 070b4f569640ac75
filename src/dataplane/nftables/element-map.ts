import type { Element } from '../../nftables/index.ts';

/** What identifies an element: its set and its key. */
export type ElementId = Pick<Element, 'set' | 'key'>;

/**
 * A map with elements as keys, in the order in which they were added within a set. One map for each set: with hundreds
 * of thousands of elements, joining set and key to one text would cost more than all the rest.
 */
export class ElementMap<Value> {
  readonly #sets = new Map<string, Map<string, Value>>();

  get({ set, key }: ElementId): Value | undefined {
    return this.#sets.get(set)?.get(key);
  }

  has({ set, key }: ElementId): boolean {
    return this.#sets.get(set)?.has(key) === true;
  }

  set({ set, key }: ElementId, value: Value): void {
    let values = this.#sets.get(set);
    if (!values) {
      values = new Map();
      this.#sets.set(set, values);
    }
    values.set(key, value);
  }

  delete({ set, key }: ElementId): void {
    this.#sets.get(set)?.delete(key);
  }

  get isEmpty(): boolean {
    for (const values of this.#sets.values()) if (values.size > 0) return false;
    return true;
  }

  *values(): Generator<Value, void, undefined> {
    for (const values of this.#sets.values()) yield* values.values();
  }
}

/** The elements by themselves. */
export function elementsById(elements: Iterable<Element>): ElementMap<Element> {
  const map = new ElementMap<Element>();
  for (const element of elements) map.set(element, element);
  return map;
}
