import type { Family } from '../../services/index.ts';
import { Pacer } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { Deletions } from './deletions.ts';
import { pauseBefore, sectionId, stillSuspicious } from './looks.ts';
import { StaleConnectionTracker, type ConntrackSection, type Suspects } from './stale-connection-tracker.ts';
import { StalenessJudge, type TrackedConnection, type TrackedServicePort } from './what-is-stale.ts';

/** The kernel's connection tracking, as src/conntrack offers it. */
export interface ConntrackTable<Entry extends TrackedConnection> {
  /** Calls `visit` with the entries of a family and protocol that can be stale, one after the other. */
  scan(section: ConntrackSection, visit: (entry: Entry) => void): Promise<void>;
  /** Deletes an entry; resolves to false if it was gone already. */
  delete(entry: Entry): Promise<boolean>;
}

/** One look at the entries of a family. */
export interface CleanUp {
  readonly family: Family;
  readonly examined: number;
  readonly deleted: number;
  readonly seconds: number;
}

export interface ConntrackCleanerOptions<Entry extends TrackedConnection> {
  readonly table: ConntrackTable<Entry>;
  /** The addresses of this node at which node ports are served, at the moment of the question. */
  readonly nodePortAddresses: () => ReadonlySet<string>;
  readonly onCleaned: (cleanUp: CleanUp) => void;
  /** The entries could not be read or deleted; tried again then. */
  readonly onFailure: (error: unknown, retryInMilliseconds: number) => void;
  readonly clock: Clock;
}

/** Reading the entries costs the kernel and us: at least this long between two readings, ... */
const leastRestMilliseconds = 1000;
/** ... and at most a third of the time. A client that waits for its entry to go cannot wait for much longer. */
const restFactor = 2;
const retry = { first: 1000, atMost: 60_000 };
/** Stale entries that are kept in memory at a time; when there are more, the table is read again. */
const mostAtOnce = 20_000;

/**
 * Deletes the conntrack entries that keep a client's packets going where nothing answers any more, or where it may not
 * go any more; without that a UDP client that reuses its port would be sent to a dead endpoint for as long as it keeps
 * trying.
 *
 * ```
 *   applied() --> what went, what began to forward --(pacer)--> read the entries of those families and protocols
 *                          ^                                          |  delete the stale ones of those Services
 *                          '-- looked at again: until nothing is found, or if that failed
 * ```
 *
 * Nothing is read while nothing has changed that could leave stale entries. After a start everything counts as changed
 * once: an agent that was down has missed things. Entries of flows that are fine are never deleted.
 */
export class ConntrackCleaner<Entry extends TrackedConnection> {
  readonly #options: ConntrackCleanerOptions<Entry>;
  readonly #tracker = new StaleConnectionTracker();
  readonly #pacer: Pacer;
  #cancelNextLook: (() => void) | undefined;
  #stopped = false;

  constructor(options: ConntrackCleanerOptions<Entry>) {
    this.#options = options;
    this.#pacer = new Pacer({
      run: () => this.#clean(),
      rest: (lastRun) => Math.max(leastRestMilliseconds, lastRun * restFactor),
      retry,
      onFailure: options.onFailure,
      clock: options.clock,
    });
  }

  /**
   * The kernel has acknowledged these Service ports (by id; undefined for those that it has no more). To be called
   * after a sync has succeeded, never for changes that are not in the kernel yet.
   */
  applied(changes: Iterable<readonly [id: string, port: TrackedServicePort | undefined]>): void {
    let dirty = false;
    for (const [id, port] of changes) dirty = this.#tracker.applied(id, port) || dirty;
    if (dirty) this.#pacer.trigger();
  }

  /** At the start: a frontend that the kernel had from an earlier run and that is nobody's any more. */
  frontendGone(section: ConntrackSection, frontend: { address?: string; port: number }): void {
    this.#tracker.frontendGone(section, frontend);
    this.#pacer.trigger();
  }

  /** Node ports are served at other addresses than before, and the kernel has that too. */
  nodePortAddressesChanged(): void {
    if (this.#tracker.suspectNodePorts()) this.#pacer.trigger();
  }

  /** Cleans no more; resolves when the present clean-up has ended. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelNextLook?.();
    return this.#pacer.stop();
  }

  async #clean(): Promise<void> {
    this.#cancelNextLook?.();
    const suspects = this.#tracker.take();
    try {
      this.#lookAgain(stillSuspicious(suspects, await this.#look(suspects)));
    } catch (error) {
      this.#tracker.putBack(suspects);
      throw error;
    }
  }

  /** The families and protocols, by sectionId, in which there were stale entries. */
  async #look(suspects: Suspects): Promise<Set<string>> {
    const judge = new StalenessJudge({
      ports: this.#ports(suspects),
      gone: suspects.gone.keys(),
      all: this.#tracker.known.values(),
      nodePortAddresses: this.#options.nodePortAddresses(),
    });
    const found = new Set<string>();
    const sections = sectionsByFamily([...suspects.ports.values(), ...suspects.gone.values()]);
    for (const [family, ofFamily] of sections) await this.#cleanFamily(family, ofFamily, judge, found);
    return found;
  }

  #lookAgain(suspects: Suspects): void {
    const pause = pauseBefore(suspects);
    if (pause === undefined || this.#stopped) return;
    this.#tracker.putBack(suspects);
    this.#cancelNextLook = this.#options.clock.after(pause, () => this.#pacer.trigger());
  }

  /** A Service port that has gone since has left its frontends among those that are gone. */
  #ports(suspects: Suspects): TrackedServicePort[] {
    const ports: TrackedServicePort[] = [];
    for (const id of suspects.ports.keys()) {
      const port = this.#tracker.known.get(id);
      if (port !== undefined) ports.push(port);
    }
    return ports;
  }

  async #cleanFamily(
    family: Family,
    sections: Iterable<ConntrackSection>,
    judge: StalenessJudge,
    found: Set<string>,
  ): Promise<void> {
    const { table, clock, onCleaned } = this.#options;
    const started = clock.monotonic();
    const deletions = new Deletions((entry: Entry) => table.delete(entry), clock);
    let examined = 0;
    for (const section of sections) {
      let stale: Entry[];
      do {
        stale = [];
        await table.scan(section, (entry) => {
          examined++;
          if (stale.length < mostAtOnce && judge.isStale(entry)) stale.push(entry);
        });
        if (stale.length > 0) found.add(sectionId(section));
        for (const entry of stale) await deletions.delete(entry);
      } while (stale.length === mostAtOnce && !deletions.failed);
    }
    onCleaned({ family, examined, deleted: deletions.done, seconds: (clock.monotonic() - started) / 1000 });
    deletions.throwIfFailed();
  }
}

function sectionsByFamily(all: Iterable<ConntrackSection>): Map<Family, ConntrackSection[]> {
  const byFamily = new Map<Family, ConntrackSection[]>();
  for (const { family, protocol } of all) {
    const sections = byFamily.get(family) ?? [];
    byFamily.set(family, sections);
    if (!sections.some((section) => section.protocol === protocol)) sections.push({ family, protocol });
  }
  return byFamily;
}
