import type { Element } from '../../nftables/index.ts';
import type { ElementChanges } from './batches.ts';
import { elementsById, ElementMap } from './element-map.ts';

/** A shared element with the number of Service ports that need it. */
export interface Counted {
  readonly element: Element;
  count: number;
}

/** Accumulates the changes of several Service ports into one set of deletes and adds. */
export class Difference {
  readonly #base: ElementMap<number>;
  readonly #deletes = new ElementMap<Element>();
  /** In order: what belongs to one Service port stays together in a batch. */
  readonly #adds: Element[] = [];
  readonly #counts = new ElementMap<Counted>();

  constructor(references: ElementMap<number>) {
    this.#base = references;
  }

  /** Elements of one Service port: what is in both with equal data stays untouched. */
  own(before: readonly Element[], after: readonly Element[]): void {
    // At a start there are hundreds of thousands of elements, and nothing to compare them with.
    if (before.length === 0) {
      for (const element of after) this.#adds.push(element);
      return;
    }
    const old = elementsById(before);
    for (const element of after) {
      const previous = old.get(element);
      old.delete(element);
      if (previous && previous.data === element.data) continue;
      if (previous) this.#deletes.set(previous, previous);
      this.#adds.push(element);
    }
    for (const element of old.values()) this.#deletes.set(element, element);
  }

  /** Elements that several Service ports need: present while at least one does. */
  shared(before: readonly Element[], after: readonly Element[]): void {
    for (const element of before) this.#count(element, -1);
    for (const element of after) this.#count(element, 1);
  }

  #count(element: Element, by: number): void {
    let entry = this.#counts.get(element);
    if (!entry) {
      entry = { element, count: this.#base.get(element) ?? 0 };
      this.#counts.set(element, entry);
    }
    entry.count += by;
  }

  result(): { deletes: Element[]; adds: Element[]; references: Counted[] } {
    const references: Counted[] = [];
    for (const counted of this.#counts.values()) {
      const { element, count } = counted;
      const before = this.#base.get(element) ?? 0;
      if (before === 0 && count > 0) this.#adds.push(element);
      if (before > 0 && count === 0) this.#deletes.set(element, element);
      if (count !== before) references.push(counted);
    }
    const unchanged = this.#handedOver();
    const adds = unchanged.size === 0 ? this.#adds : this.#adds.filter((element) => !unchanged.has(element));
    return { deletes: [...this.#deletes.values()], adds, references };
  }

  /** A frontend that passes from one Service port to another unchanged needs neither a delete nor an add. */
  #handedOver(): ReadonlySet<Element> {
    const unchanged = new Set<Element>();
    if (this.#deletes.isEmpty) return unchanged;
    for (const added of this.#adds) {
      const deleted = this.#deletes.get(added);
      if (!deleted || deleted.data !== added.data) continue;
      this.#deletes.delete(deleted);
      unchanged.add(added);
    }
    return unchanged;
  }
}

/** What to delete and add so that what holds `present` comes to hold exactly `desired`; equal elements are left alone. */
export function differenceTo(desired: readonly Element[], present: readonly Element[]): ElementChanges {
  const wanted = elementsById(desired);
  const deletes: Element[] = [];
  for (const element of present) {
    const want = wanted.get(element);
    if (want && want.data === element.data) wanted.delete(element);
    else deletes.push(element);
  }
  return { deletes, adds: desired.filter((element) => wanted.get(element) === element) };
}
