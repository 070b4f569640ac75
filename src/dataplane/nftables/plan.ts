import type { Element } from '../../nftables/index.ts';
import type { Changes, DesiredPort } from '../data-plane.ts';
import { elementsById, ElementMap } from './element-map.ts';
import type { ElementId } from './element-map.ts';
import { elementsOf } from './elements.ts';
import type { PortElements } from './elements.ts';
import type { SelectionChain } from './endpoint-selection-chains.ts';

/** What one transaction has to do. Deletes go first: the data of a map element cannot be overwritten. */
export interface Plan {
  readonly deletes: readonly Element[];
  readonly adds: readonly Element[];
  /** Chains that the added verdicts name. */
  readonly chains: readonly SelectionChain[];
  /** Chains of a single Service port that nothing names any more. */
  readonly retiredChains: readonly SelectionChain[];
  /** The Service port that brought an element; shared elements name one of those that need it. */
  ownerOf(element: ElementId): string | undefined;
  /** Call when the kernel has taken the plan: from now on it is the state that changes are compared with. */
  accept(): void;
}

/**
 * The elements the kernel holds for Service ports, as a function of the Service ports themselves: nothing but the
 * accepted Service ports and reference counts of shared elements is kept, elements are computed again when needed.
 */
export class TableState {
  readonly #ports = new Map<string, DesiredPort>();
  readonly #references = new ElementMap<number>();

  /** The accepted Service ports, by id. */
  get ports(): ReadonlyMap<string, DesiredPort> {
    return this.#ports;
  }

  /** Elements to delete and add so that the kernel follows `changes`; nothing is remembered before `accept()`. */
  plan(changes: Changes): Plan {
    const difference = new Difference(this.#references);
    const chains = new Map<string, SelectionChain>();
    const retired = new Map<string, SelectionChain>();
    for (const [id, desired] of changes) {
      const before = render(this.#ports.get(id));
      const after = render(desired);
      difference.own(before.own, after.own);
      difference.shared(before.shared, after.shared);
      for (const chain of after.chains) chains.set(chain.name, chain);
      for (const chain of before.chains) if (chain.method === 'round_robin') retired.set(chain.name, chain);
    }
    for (const name of chains.keys()) retired.delete(name);
    const { deletes, adds, references } = difference.result();
    let owners: ElementMap<string> | undefined;
    return {
      deletes,
      adds,
      chains: [...chains.values()],
      retiredChains: [...retired.values()],
      ownerOf: (element) => (owners ??= this.#owners(changes)).get(element),
      accept: () => {
        for (const [id, desired] of changes) {
          if (desired) this.#ports.set(id, desired);
          else this.#ports.delete(id);
        }
        this.#countReferences(references);
      },
    };
  }

  /** Whose elements these are; asked for after a failure only. What is added belongs to who adds it. */
  #owners(changes: Changes): ElementMap<string> {
    const owners = new ElementMap<string>();
    for (const id of changes.keys()) {
      for (const element of render(this.#ports.get(id)).own) owners.set(element, id);
    }
    for (const [id, desired] of changes) {
      const { own, shared } = render(desired);
      for (const element of own) owners.set(element, id);
      for (const element of shared) owners.set(element, id);
    }
    return owners;
  }

  #countReferences(references: Iterable<Counted>): void {
    for (const { element, count } of references) {
      if (count > 0) this.#references.set(element, count);
      else this.#references.delete(element);
    }
  }
}

const nothing: PortElements = { own: [], shared: [], chains: [] };

function render(desired: DesiredPort | undefined): PortElements {
  return desired ? elementsOf(desired.port, desired.weights) : nothing;
}

/** A shared element with the number of Service ports that need it. */
interface Counted {
  readonly element: Element;
  count: number;
}

/** Accumulates the changes of several Service ports into one set of deletes and adds. */
class Difference {
  readonly #base: ElementMap<number>;
  readonly #deletes = new ElementMap<Element>();
  readonly #adds = new ElementMap<Element>();
  /** What was ever in `adds`, in its order: what belongs to one Service port stays together in a batch. */
  readonly #added: Element[] = [];
  readonly #counts = new ElementMap<Counted>();

  constructor(references: ElementMap<number>) {
    this.#base = references;
  }

  /** Elements of one Service port: what is in both with equal data stays untouched. */
  own(before: readonly Element[], after: readonly Element[]): void {
    const old = elementsById(before);
    for (const element of after) {
      const previous = old.get(element);
      old.delete(element);
      if (previous && previous.data === element.data) continue;
      if (previous) this.#deletes.set(previous, previous);
      this.#add(element);
    }
    for (const element of old.values()) this.#deletes.set(element, element);
  }

  #add(element: Element): void {
    this.#adds.set(element, element);
    this.#added.push(element);
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
      if (before === 0 && count > 0) this.#add(element);
      if (before > 0 && count === 0) this.#deletes.set(element, element);
      if (count !== before) references.push(counted);
    }
    this.#cancelHandovers();
    const adds = this.#added.filter((element) => this.#adds.get(element) === element);
    return { deletes: [...this.#deletes.values()], adds, references };
  }

  /** A frontend that passes from one Service port to another unchanged needs neither a delete nor an add. */
  #cancelHandovers(): void {
    for (const deleted of [...this.#deletes.values()]) {
      const added = this.#adds.get(deleted);
      if (!added || deleted.data !== added.data) continue;
      this.#deletes.delete(deleted);
      this.#adds.delete(added);
    }
  }
}

/**
 * What to delete and add so that a table which already holds `present` (from an earlier run) comes to hold exactly
 * `desired`: equal elements are left alone, so a restart writes nothing that is already right.
 */
export function differenceTo(
  desired: readonly Element[],
  present: Iterable<Element>,
): { deletes: Element[]; adds: Element[]; kept: number } {
  const wanted = elementsById(desired);
  const deletes: Element[] = [];
  let kept = 0;
  for (const element of present) {
    const want = wanted.get(element);
    if (want && want.data === element.data) {
      wanted.delete(element);
      kept++;
    } else {
      deletes.push({
        set: element.set,
        key: element.key,
        ...(element.data === undefined ? {} : { data: element.data }),
      });
    }
  }
  // In the order given: what belongs to one Service port stays together in a batch.
  return { deletes, adds: desired.filter((element) => wanted.get(element) === element), kept };
}
