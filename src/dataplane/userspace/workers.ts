import { HaproxyError, sectionName } from '../../haproxy/index.ts';
import type { HaproxyRuntime, Section, SectionCounts, Worker } from '../../haproxy/index.ts';
import { RequestQueue } from '../../netlink/index.ts';
import { RequestTotals } from './request-totals.ts';
import type { RequestTotal } from './request-totals.ts';

/** Counters of 32 bits are read at least so often, asked for or not. */
const readMilliseconds = 60_000;

/** A section, and the id of the Service port that has it, or had it last since HAProxy read its configuration. */
type OwnedSection = Pick<Section, 'kind' | 'number'> & { readonly owner?: string };

/** A worker, and what of its counts has been added up. */
interface Followed {
  readonly identity: string;
  /** Undefined: the connection to it has ended. */
  worker: Worker | undefined;
  /** Whose its sections are, or were, by their names. */
  readonly owners: Map<string, string>;
  read: ReadonlyMap<string, SectionCounts>;
}

/**
 * Follows the worker of HAProxy that serves, and those before it until nothing is under way in them any more, and adds up what
 * all of them answer. Calls may overlap. All throw HaproxyError.
 */
export class Workers {
  readonly #runtime: HaproxyRuntime;
  readonly #sections: () => Iterable<OwnedSection>;
  readonly #totals = new RequestTotals();
  readonly #former = new Set<Followed>();
  readonly #queue = new RequestQueue();
  #current: Followed | undefined;
  #readAt = -Infinity;
  #ended: () => void = () => undefined;

  /** @param sections of the worker that serves, at any time; none while nobody knows, as during a reload */
  constructor(runtime: HaproxyRuntime, sections: () => Iterable<OwnedSection>) {
    this.#runtime = runtime;
    this.#sections = sections;
  }

  /** Has a listener called at once when the worker that serves ends, or may have. */
  whenEnded(listener: () => void): void {
    this.#ended = listener;
  }

  /** Of the worker that serves, or did last. */
  get identity(): string | undefined {
    return this.#current?.identity;
  }

  /** What was answered for Service ports, by their ids, as it was read last. Only ever grows. */
  get totals(): ReadonlyMap<string, RequestTotal> {
    return this.#totals.all;
  }

  /** Follows the worker that answers now, which has this identity, if it does not yet. */
  follow(identity: string): Promise<void> {
    return this.#queue.run(() => this.#follow(identity));
  }

  async #follow(identity: string): Promise<void> {
    if (this.#current?.worker && this.#current.identity === identity) return;
    const worker = await this.#runtime.follow();
    worker.whenEnded(() => this.#lost(worker));
    const before = this.#current;
    if (before?.identity === worker.identity) {
      before.worker = worker;
      return;
    }
    // Totals begin at nothing with the agent: with what this worker has answered, but not those before it, they would be lower
    // than they were, which who scrapes takes for a restart, and all of it for new.
    const read = before ? new Map<string, SectionCounts>() : await worker.counts();
    this.noteOwners();
    this.#current = { identity: worker.identity, worker, owners: new Map(), read };
    if (before?.worker) this.#former.add(before);
  }

  /** Notes whose sections of the worker that serves are. To be told before HAProxy reads its configuration anew. */
  noteOwners(): void {
    for (const section of this.#sections()) {
      if (section.owner !== undefined) this.#current?.owners.set(sectionName(section), section.owner);
    }
  }

  /**
   * Adds up what the worker that serves has answered until now. Those before it are many where streams are long, and answer
   * little: `tidy` reads them.
   */
  read(): Promise<void> {
    return this.#queue.run(() => this.#readCurrent());
  }

  /**
   * Lets go of workers in which nothing is under way any more, with the last that they have answered; reads all of them now and
   * then.
   */
  tidy(): Promise<void> {
    return this.#queue.run(async () => {
      for (const each of this.#former) await unlessEnded(() => this.#letGo(each));
      if (performance.now() - this.#readAt <= readMilliseconds) return;
      for (const each of this.#former) await unlessEnded(() => this.#readOne(each));
      await this.#readCurrent();
      this.#readAt = performance.now();
    });
  }

  async #readCurrent(): Promise<void> {
    this.noteOwners();
    if (this.#current) await this.#readOne(this.#current);
  }

  /** Drops what was answered for Service ports that are gone. */
  forget(ids: readonly string[]): void {
    this.#totals.forget(ids);
    const gone = new Set(ids);
    for (const { owners } of [...this.#former, ...(this.#current ? [this.#current] : [])]) {
      for (const [section, id] of owners) if (gone.has(id)) owners.delete(section);
    }
  }

  /** Follows none any more. They go on. */
  close(): void {
    for (const { worker } of this.#former) worker?.close();
    this.#former.clear();
    this.#current?.worker?.close();
    if (this.#current) this.#current.worker = undefined;
  }

  async #letGo(former: Followed): Promise<void> {
    if (!(await former.worker?.isDone())) return;
    await this.#readOne(former);
    former.worker?.close();
    this.#former.delete(former);
  }

  async #readOne(followed: Followed): Promise<void> {
    if (!followed.worker) return;
    const now = await followed.worker.counts();
    for (const [section, id] of followed.owners) {
      const counts = now.get(section);
      if (counts) this.#totals.add(id, followed.read.get(section), counts);
    }
    followed.read = now;
  }

  #lost(worker: Worker): void {
    for (const each of this.#former) if (each.worker === worker) this.#former.delete(each);
    if (this.#current?.worker !== worker) return;
    this.#current.worker = undefined;
    this.#ended();
  }
}

/** One that was replaced may be ended by force in the middle of an answer, for its age: its connection tells that. */
async function unlessEnded(ask: () => Promise<void>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (!(error instanceof HaproxyError)) throw error;
  }
}
