import { totalmem } from 'node:os';
import { slotCount } from '../balancing/index.ts';
import type { Changes, DesiredPort, Refusal } from '../data-plane.ts';
import type { Endpoint } from '../../services/index.ts';

/** Most elements that this node may hold. */
export interface ElementLimits {
  readonly perPort: number;
  readonly inAll: number;
}

/** What an element may cost: some 100 bytes in the kernel, twice during a start, and as text here while it is written. */
const bytesPerElement = 512;
const mostElements = 4_000_000;
/** No Service port may take more than this part of what there is for all. */
const partOfOnePort = 1 / 4;

/** Limits by the memory that this process may use: elements count against its control group. */
export function limitsByMemory(bytes = memoryOf(process.constrainedMemory(), totalmem())): ElementLimits {
  const inAll = Math.min(mostElements, Math.floor(bytes / bytesPerElement));
  return { inAll, perPort: Math.floor(inAll * partOfOnePort) };
}

/** @param constrained by a control group; 0 where there is none, as on a host without the memory controller */
export function memoryOf(constrained: number, total: number): number {
  return constrained > 0 ? Math.min(constrained, total) : total;
}

/** Roughly how many elements a Service port needs, without making them. */
export function elementsNeeded({ port, via, proxied }: DesiredPort): number {
  const slots = (endpoints: readonly Endpoint[]): number =>
    via && !proxied ? 1 : slotCount(port, endpoints) + (port.algorithm === 'round-robin' ? 1 : 0);
  const [everywhere, here] = [slots(port.clusterEndpoints), slots(port.localEndpoints)];
  return port.frontends.reduce((sum, { policy }) => sum + 4 + everywhere + (policy === 'Local' ? here : 0), 4);
}

/** Changes as far as there is room for them. */
export interface Admission {
  /** Those for which there is none. */
  readonly refused: readonly Refusal[];
  /** Call with what the kernel has taken of them. */
  accept(ids: Iterable<string>): void;
}

/** Keeps the elements of all Service ports within limits: what goes over them is named, everything else is served. */
export class Budget {
  readonly #limits: ElementLimits;
  readonly #used = new Map<string, number>();
  #total = 0;

  constructor(limits: ElementLimits) {
    this.#limits = limits;
  }

  /** Looks whether there is room; small Service ports have it before large ones, and nobody is kept from shrinking. */
  admit(changes: Changes): Admission {
    const needed = new Map<string, number>();
    let total = this.#total;
    let largest = 0;
    for (const [id, desired] of changes) {
      const count = desired ? elementsNeeded(desired) : 0;
      needed.set(id, count);
      total += count - this.#usedBy(id);
      largest = Math.max(largest, count);
    }
    const { perPort, inAll } = this.#limits;
    return {
      refused: total <= inAll && largest <= perPort ? [] : this.#refuse(needed, total),
      accept: (ids) => {
        for (const id of ids) this.#use(id, needed.get(id) ?? 0);
      },
    };
  }

  #refuse(needed: ReadonlyMap<string, number>, wanted: number): Refusal[] {
    const refused: Refusal[] = [];
    const { perPort, inAll } = this.#limits;
    let total = wanted;
    for (const [id, count] of [...needed].sort(([, a], [, b]) => b - a)) {
      const before = this.#usedBy(id);
      if (count <= perPort && (total <= inAll || count <= before)) continue;
      total -= count - before;
      const limit = count > perPort ? `${perPort} that one may have` : `${inAll} that this node may hold in all`;
      refused.push({
        id,
        reason: `needs ${count} elements, more than the ${limit} by the memory limit: raise it, or use fewer endpoints or a smaller table (maglev)`,
      });
    }
    return refused;
  }

  #usedBy(id: string): number {
    return this.#used.get(id) ?? 0;
  }

  #use(id: string, count: number): void {
    this.#total += count - this.#usedBy(id);
    if (count === 0) this.#used.delete(id);
    else this.#used.set(id, count);
  }
}
