import type { Element } from '../nftables/index.ts';
import type { ServicePort } from '../services/types.ts';
import { elementsOf } from './elements.ts';
import type { LoadWeights, PortElements } from './elements.ts';
import type { PickChain } from './pick-chains.ts';

/** What one transaction has to do. Deletes go first: the data of a map element cannot be overwritten. */
export interface Plan {
  readonly deletes: readonly Element[];
  readonly adds: readonly Element[];
  /** Chains that the added verdicts name. */
  readonly chains: readonly PickChain[];
  /** Chains of a single Service port that nothing names any more. */
  readonly retiredChains: readonly PickChain[];
  /** The Service port that brought an element; shared elements name one of those that need it. */
  ownerOf(element: Pick<Element, 'set' | 'key'>): string | undefined;
  /** Call when the kernel has taken the plan: from now on it is the state that changes are compared with. */
  accept(): void;
}

/** New state of one Service port: undefined when it is gone. */
export interface DesiredPort {
  readonly port: ServicePort;
  readonly weights?: LoadWeights;
}

const identity = (element: Pick<Element, 'set' | 'key'>): string => `${element.set} ${element.key}`;

/**
 * The elements the kernel holds for Service ports, as a function of the Service ports themselves: nothing but the
 * accepted Service ports and reference counts of shared elements is kept, elements are computed again when needed.
 */
export class TableState {
  readonly #ports = new Map<string, DesiredPort>();
  readonly #references = new Map<string, number>();

  /** Service ports whose elements the kernel holds. */
  get size(): number {
    return this.#ports.size;
  }

  /** The accepted state of a Service port. */
  get(id: string): DesiredPort | undefined {
    return this.#ports.get(id);
  }

  ports(): IterableIterator<DesiredPort> {
    return this.#ports.values();
  }

  /** Elements to delete and add so that the kernel follows `changes`; nothing is remembered before `accept()`. */
  plan(changes: ReadonlyMap<string, DesiredPort | undefined>): Plan {
    const difference = new Difference(this.#references);
    const chains = new Map<string, PickChain>();
    const retired = new Map<string, PickChain>();
    for (const [id, desired] of changes) {
      const before = render(this.#ports.get(id));
      const after = render(desired);
      difference.own(id, before.own, after.own);
      difference.shared(id, before.shared, after.shared);
      for (const chain of after.chains) chains.set(chain.name, chain);
      for (const chain of before.chains) if (chain.method === 'round_robin') retired.set(chain.name, chain);
    }
    for (const name of chains.keys()) retired.delete(name);
    const { deletes, adds, references, owners } = difference.result();
    return {
      deletes,
      adds,
      chains: [...chains.values()],
      retiredChains: [...retired.values()],
      ownerOf: (element) => owners.get(identity(element)),
      accept: () => {
        for (const [id, desired] of changes) {
          if (desired) this.#ports.set(id, desired);
          else this.#ports.delete(id);
        }
        this.#countReferences(references);
      },
    };
  }

  #countReferences(references: ReadonlyMap<string, number>): void {
    for (const [key, count] of references) {
      if (count > 0) this.#references.set(key, count);
      else this.#references.delete(key);
    }
  }
}

const nothing: PortElements = { own: [], shared: [], chains: [] };

function render(desired: DesiredPort | undefined): PortElements {
  return desired ? elementsOf(desired.port, desired.weights) : nothing;
}

/** Accumulates the changes of several Service ports into one set of deletes and adds. */
class Difference {
  readonly #base: ReadonlyMap<string, number>;
  readonly #deletes = new Map<string, Element>();
  readonly #adds = new Map<string, Element>();
  readonly #counts = new Map<string, { count: number; element: Element }>();
  readonly #owners = new Map<string, string>();

  constructor(references: ReadonlyMap<string, number>) {
    this.#base = references;
  }

  /** Elements of one Service port: what is in both with equal data stays untouched. */
  own(id: string, before: readonly Element[], after: readonly Element[]): void {
    const old = new Map(before.map((element) => [identity(element), element]));
    for (const element of after) {
      const key = identity(element);
      const previous = old.get(key);
      old.delete(key);
      if (previous && previous.data === element.data) continue;
      if (previous) this.#delete(key, previous, id);
      this.#adds.set(key, element);
      this.#owners.set(key, id);
    }
    for (const [key, element] of old) this.#delete(key, element, id);
  }

  #delete(key: string, element: Element, id: string): void {
    this.#deletes.set(key, element);
    if (!this.#owners.has(key)) this.#owners.set(key, id);
  }

  /** Elements that several Service ports need: present while at least one does. */
  shared(id: string, before: readonly Element[], after: readonly Element[]): void {
    for (const element of before) this.#count(element, -1, id);
    for (const element of after) this.#count(element, 1, id);
  }

  #count(element: Element, by: number, id: string): void {
    const key = identity(element);
    const entry = this.#counts.get(key) ?? { count: this.#base.get(key) ?? 0, element };
    entry.count += by;
    this.#counts.set(key, entry);
    if (by > 0) this.#owners.set(key, id);
  }

  result(): {
    deletes: Element[];
    adds: Element[];
    references: Map<string, number>;
    owners: ReadonlyMap<string, string>;
  } {
    const references = new Map<string, number>();
    for (const [key, { count, element }] of this.#counts) {
      const before = this.#base.get(key) ?? 0;
      if (before === 0 && count > 0) this.#adds.set(key, element);
      if (before > 0 && count === 0) this.#deletes.set(key, element);
      if (count !== before) references.set(key, count);
    }
    this.#cancelHandovers();
    return { deletes: [...this.#deletes.values()], adds: [...this.#adds.values()], references, owners: this.#owners };
  }

  /** A frontend that passes from one Service port to another unchanged needs neither a delete nor an add. */
  #cancelHandovers(): void {
    for (const [key, added] of this.#adds) {
      const deleted = this.#deletes.get(key);
      if (!deleted || deleted.data !== added.data) continue;
      this.#deletes.delete(key);
      this.#adds.delete(key);
    }
  }
}

/**
 * What to delete and add so that a table which already holds `present` (from an earlier run) comes to hold exactly
 * `desired`: equal elements are left alone, so a restart writes nothing that is already right.
 */
export function adopt(
  desired: readonly Element[],
  present: Iterable<Element>,
): { deletes: Element[]; adds: Element[]; kept: number } {
  const wanted = new Map(desired.map((element) => [identity(element), element]));
  const deletes: Element[] = [];
  let kept = 0;
  for (const element of present) {
    const key = identity(element);
    const want = wanted.get(key);
    if (want && want.data === element.data) {
      wanted.delete(key);
      kept++;
    } else {
      deletes.push({
        set: element.set,
        key: element.key,
        ...(element.data === undefined ? {} : { data: element.data }),
      });
    }
  }
  return { deletes, adds: [...wanted.values()], kept };
}
