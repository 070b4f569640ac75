import type { ReflectorStatistics } from '../../../kubernetes/index.ts';
import type { ClusterObjects } from '../../../overview/index.ts';
import type { Term } from '../term.ts';

/** A term whose start and end a test decides. */
export class HandTerm implements Term {
  synced = false;
  queueLengths: Readonly<Record<string, number>> = {};
  watches: ReadonlyMap<string, ReflectorStatistics> = new Map();
  held: ClusterObjects = { configs: [], nodes: [] };
  readonly #started = Promise.withResolvers<undefined>();
  readonly #ended = Promise.withResolvers<undefined>();
  readonly #tell: (what: string) => void;

  constructor(tell: (what: string) => void) {
    this.#tell = tell;
  }

  async start(): Promise<void> {
    this.#tell('starts');
    await this.#started.promise;
    this.synced = true;
  }

  async stop(): Promise<void> {
    this.#tell('is told to stop');
    this.#started.reject(new Error('stopped'));
    await this.#ended.promise;
    this.synced = false;
    this.#tell('has ended');
  }

  objects(): ClusterObjects {
    return this.held;
  }

  watchStatistics(): ReadonlyMap<string, ReflectorStatistics> {
    return this.watches;
  }

  /** All caches are complete. */
  complete(): void {
    this.#started.resolve(undefined);
  }

  /** It cannot be started. */
  fail(reason: string): void {
    this.#started.reject(new Error(reason));
  }

  /** What it had under way is finished. */
  finish(): void {
    this.#ended.resolve(undefined);
  }
}

/** Makes terms for Leadership, and keeps them for the test. */
export class HandTerms {
  readonly made: HandTerm[] = [];
  /** What happened, in order: `term 1 starts`. */
  readonly story: string[];
  /** If set, no term can be made, for this reason. */
  impossible: string | undefined;

  constructor(story: string[] = []) {
    this.story = story;
  }

  next(): Promise<HandTerm> {
    if (this.impossible !== undefined) return Promise.reject(new Error(this.impossible));
    const number = this.made.length + 1;
    const term = new HandTerm((what) => this.story.push(`term ${number} ${what}`));
    this.made.push(term);
    return Promise.resolve(term);
  }

  /** The term that was made last. */
  get last(): HandTerm {
    const term = this.made.at(-1);
    if (term === undefined) throw new Error('no term was made');
    return term;
  }
}
