import type { Family } from '../../services/index.ts';
import { Pacer } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { StaleConnectionTracker, type ConntrackSection, type Suspects } from './stale-connection-tracker.ts';
import { StalenessJudge, type TrackedConnection, type TrackedServicePort } from './what-is-stale.ts';

/** The kernel's connection tracking, as src/nftables offers it. */
export interface ConntrackTable<Entry extends TrackedConnection> {
  /** All entries of a family and protocol. */
  entries(section: ConntrackSection): Promise<Iterable<Entry>>;
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
/** ... and at most a twentieth of the time. */
const restFactor = 20;
const retry = { first: 1000, atMost: 60_000 };
/** Deletions between two turns of the event loop. */
const deletionsPerTurn = 200;

/**
 * Deletes the conntrack entries that keep a client's packets going where nothing answers any more; without that a UDP
 * client that reuses its port would be sent to a dead endpoint for as long as it keeps trying.
 *
 * ```
 *   applied() --> what went, what began to forward --(pacer)--> read the entries of those families and protocols
 *                          ^                                          |  delete the stale ones of those Services
 *                          '-------- put back if that failed ---------'
 * ```
 *
 * Nothing is read while nothing has changed that could leave stale entries. After a start everything counts as changed
 * once: an agent that was down has missed things. Entries of flows that are fine are never deleted.
 */
export class ConntrackCleaner<Entry extends TrackedConnection> {
  readonly #options: ConntrackCleanerOptions<Entry>;
  readonly #tracker = new StaleConnectionTracker();
  readonly #pacer: Pacer;

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
    return this.#pacer.stop();
  }

  async #clean(): Promise<void> {
    const suspects = this.#tracker.take();
    try {
      const ports = this.#ports(suspects);
      const view = new StalenessJudge({
        ports,
        gone: suspects.gone.keys(),
        all: this.#tracker.known.values(),
        nodePortAddresses: this.#options.nodePortAddresses(),
      });
      for (const [family, sections] of sectionsByFamily([...ports, ...suspects.gone.values()])) {
        await this.#cleanFamily(family, sections, view);
      }
    } catch (error) {
      this.#tracker.putBack(suspects);
      throw error;
    }
  }

  /** A Service port that has gone since has left its frontends among those that are gone. */
  #ports(suspects: Suspects): TrackedServicePort[] {
    const ports: TrackedServicePort[] = [];
    for (const id of suspects.ports) {
      const port = this.#tracker.known.get(id);
      if (port !== undefined) ports.push(port);
    }
    return ports;
  }

  async #cleanFamily(family: Family, sections: Iterable<ConntrackSection>, view: StalenessJudge): Promise<void> {
    const { table, clock, onCleaned } = this.#options;
    const started = clock.monotonic();
    const deletions = new Deletions(table, clock);
    let examined = 0;
    for (const section of sections) {
      const stale: Entry[] = [];
      for (const entry of await table.entries(section)) {
        examined++;
        if (view.isStale(entry)) stale.push(entry);
      }
      for (const entry of stale) await deletions.delete(entry);
    }
    onCleaned({ family, examined, deleted: deletions.done, seconds: (clock.monotonic() - started) / 1000 });
    deletions.throwIfFailed();
  }
}

/** Deletes entries one by one; one that cannot be deleted does not keep the others. */
class Deletions<Entry extends TrackedConnection> {
  readonly #table: ConntrackTable<Entry>;
  readonly #clock: Clock;
  #tried = 0;
  #failed = 0;
  #firstError: unknown;
  done = 0;

  constructor(table: ConntrackTable<Entry>, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  async delete(entry: Entry): Promise<void> {
    try {
      if (await this.#table.delete(entry)) this.done++;
    } catch (error) {
      this.#failed++;
      this.#firstError ??= error;
    }
    if (++this.#tried % deletionsPerTurn === 0) await new Promise<void>((resolve) => this.#clock.soon(resolve));
  }

  throwIfFailed(): void {
    if (this.#failed === 0) return;
    const cause = this.#firstError;
    throw new Error(`${this.#failed} of ${this.#tried} stale conntrack entries could not be deleted`, { cause });
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
