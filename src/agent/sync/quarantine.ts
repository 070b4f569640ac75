import type { DesiredPort, Refusal } from '../../dataplane/index.ts';

/** A Service port that the kernel refused, with the state that it refused. */
export interface Quarantined extends Refusal {
  readonly desired: DesiredPort | undefined;
}

/** The Service ports that the kernel refused: set aside, reported, and tried again. */
export class Quarantine {
  readonly #ports = new Map<string, Quarantined>();

  get size(): number {
    return this.#ports.size;
  }

  get ids(): ReadonlySet<string> {
    return new Set(this.#ports.keys());
  }

  values(): IterableIterator<Quarantined> {
    return this.#ports.values();
  }

  /** The kernel was asked for `tried` and refused some of it: those are in here now, the others of `tried` are not. */
  settle(tried: ReadonlyMap<string, DesiredPort | undefined>, refused: readonly Refusal[]): void {
    for (const id of tried.keys()) this.#ports.delete(id);
    for (const { id, reason } of refused) this.#ports.set(id, { id, reason, desired: tried.get(id) });
  }

  /** Everything was tried: whoever is not among `refused` is served. */
  settleAll(tried: ReadonlyMap<string, DesiredPort>, refused: readonly Refusal[]): void {
    this.#ports.clear();
    this.settle(tried, refused);
  }

  /** `changes`, and those in here for which nothing newer is wanted. */
  retryWith(changes: ReadonlyMap<string, DesiredPort | undefined>): Map<string, DesiredPort | undefined> {
    const all = new Map(changes);
    for (const { id, desired } of this.#ports.values()) if (!all.has(id)) all.set(id, desired);
    return all;
  }
}
