import { totalmem } from 'node:os';
import { slotCount } from '../balancing/index.ts';
import type { Changes, DesiredPort, Refusal } from '../data-plane.ts';

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
export function limitsByMemory(bytes = Math.min(process.constrainedMemory(), totalmem())): ElementLimits {
  const inAll = Math.min(mostElements, Math.floor(bytes / bytesPerElement));
  return { inAll, perPort: Math.floor(inAll * partOfOnePort) };
}

/** Roughly how many elements a Service port needs, without making them. */
function elementsNeeded({ port }: DesiredPort): number {
  const [everywhere, here] = [slotCount(port, port.clusterEndpoints), slotCount(port, port.localEndpoints)];
  return port.frontends.reduce((sum, { policy }) => sum + 4 + everywhere + (policy === 'Local' ? here : 0), 4);
}

/** Keeps the elements of all Service ports within limits: what goes over them is named, everything else is served. */
export class Budget {
  readonly #limits: ElementLimits;
  readonly #used = new Map<string, number>();
  #total = 0;

  constructor(limits: ElementLimits) {
    this.#limits = limits;
  }

  /** The Service ports among `changes` for which there is no room; small ones have it before large ones. */
  refuse(changes: Changes): Refusal[] {
    const refused: Refusal[] = [];
    const wanted = [...changes].map(([id, desired]) => ({ id, needed: desired ? elementsNeeded(desired) : 0 }));
    let total = wanted.reduce((sum, { id, needed }) => sum + needed - (this.#used.get(id) ?? 0), this.#total);
    for (const { id, needed } of wanted.toSorted((a, b) => b.needed - a.needed)) {
      const { perPort, inAll } = this.#limits;
      const before = this.#used.get(id) ?? 0;
      if (needed <= perPort && (total <= inAll || needed <= before)) continue;
      total -= needed - before;
      const limit = needed > perPort ? `${perPort} that one may have` : `${inAll} that this node may hold in all`;
      refused.push({
        id,
        reason: `needs ${needed} elements, more than the ${limit} by the memory limit: raise it, or use fewer endpoints or a smaller table (maglev)`,
      });
    }
    return refused;
  }

  /** The kernel holds these now. */
  accept(changes: Changes): void {
    for (const [id, desired] of changes) {
      const needed = desired ? elementsNeeded(desired) : 0;
      this.#total += needed - (this.#used.get(id) ?? 0);
      if (desired) this.#used.set(id, needed);
      else this.#used.delete(id);
    }
  }
}
