import { frontendId, frontendIds, sourceRangesOf, type TrackedServicePort } from './what-is-stale.ts';
import type { Family, Protocol } from '../../services/index.ts';

/** A part of the kernel's connection tracking that can be read by itself. */
export interface ConntrackSection {
  readonly family: Family;
  readonly protocol: Protocol;
}

/** Somebody whose connections must be looked at. */
export interface Suspect extends ConntrackSection {
  /** How often they have been looked at since the change that made them suspicious. */
  readonly looks: number;
}

/** Whose connections must be looked at, by id, and which frontends are nobody's any more, by frontendId. */
export interface Suspects {
  readonly ports: ReadonlyMap<string, Suspect>;
  readonly gone: ReadonlyMap<string, Suspect>;
}

/**
 * Remembers which Service ports changed in a way that can leave stale connections behind. What endpoints were added
 * to those already there does not count; what went, what began to forward, and who may not connect any more, does.
 */
export class StaleConnectionTracker {
  readonly #known = new Map<string, TrackedServicePort>();
  #ports = new Map<string, Suspect>();
  #gone = new Map<string, Suspect>();

  /** The kernel now has this for the Service port, or nothing of it. Returns whether there is something to clean. */
  applied(id: string, after: TrackedServicePort | undefined): boolean {
    const before = this.#known.get(id);
    if (after === undefined) this.#known.delete(id);
    else this.#known.set(id, after);
    if (before === after) return false;

    const { lost, gained } = frontendChanges(before, after);
    if (before !== undefined) for (const key of lost) this.#gone.set(key, newSuspect(before));
    if (after === undefined) return lost.length > 0;
    const dirty = gained || lostEndpoints(before, after) || shutsOut(before, after);
    if (dirty) this.#ports.set(id, newSuspect(after));
    return dirty || lost.length > 0;
  }

  /** A frontend that the kernel had from an earlier run and that nobody has any more. */
  frontendGone(section: ConntrackSection, frontend: { address?: string; port: number }): void {
    this.#gone.set(frontendId(section.protocol, section.family, frontend), newSuspect(section));
  }

  /** All Service ports with a node port must be looked at. Returns whether there are any. */
  suspectNodePorts(): boolean {
    let any = false;
    for (const [id, port] of this.#known) {
      if (!port.frontends.some((frontend) => frontend.kind === 'NodePort')) continue;
      this.#ports.set(id, newSuspect(port));
      any = true;
    }
    return any;
  }

  /** The Service ports that the kernel has. */
  get known(): ReadonlyMap<string, TrackedServicePort> {
    return this.#known;
  }

  /** Hands over what there is to clean; `putBack` returns what has to be looked at again. */
  take(): Suspects {
    const suspects = { ports: this.#ports, gone: this.#gone };
    this.#ports = new Map();
    this.#gone = new Map();
    return suspects;
  }

  /** Suspects that became suspicious anew since they were taken stay as they are now. */
  putBack(suspects: Suspects): void {
    this.#ports = new Map([...suspects.ports, ...this.#ports]);
    this.#gone = new Map([...suspects.gone, ...this.#gone]);
  }
}

function newSuspect({ family, protocol }: ConntrackSection): Suspect {
  return { family, protocol, looks: 0 };
}

function frontendChanges(
  before: TrackedServicePort | undefined,
  after: TrackedServicePort | undefined,
): { lost: string[]; gained: boolean } {
  const beforeKeys = before === undefined ? [] : frontendIds(before);
  const afterKeys = new Set(after === undefined ? [] : frontendIds(after));
  const lost = beforeKeys.filter((key) => !afterKeys.has(key));
  return { lost, gained: afterKeys.size > beforeKeys.length - lost.length };
}

function lostEndpoints(before: TrackedServicePort | undefined, after: TrackedServicePort): boolean {
  if (before === undefined || before.servingEndpoints === after.servingEndpoints) return false;
  if (before.servingEndpoints.length === 0) return after.servingEndpoints.length > 0;
  const now = new Set(after.servingEndpoints.map(({ address, port }) => `${address} ${port}`));
  return before.servingEndpoints.some(({ address, port }) => !now.has(`${address} ${port}`));
}

/** Whether clients may be shut out that were admitted before. */
function shutsOut(before: TrackedServicePort | undefined, after: TrackedServicePort): boolean {
  if (before === undefined || before.frontends === after.frontends) return false;
  const ids = frontendIds(before);
  return after.frontends.some((frontend) => {
    const now = sourceRangesOf(frontend);
    const old = before.frontends[ids.indexOf(frontendId(after.protocol, after.family, frontend))];
    if (now === undefined || old === undefined) return false;
    const earlier = sourceRangesOf(old);
    if (earlier === undefined) return true;
    if (earlier === now) return false;
    const still = new Set(now);
    return earlier.some((range) => !still.has(range));
  });
}
