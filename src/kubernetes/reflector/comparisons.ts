import { Backoff, jittered, sleep } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { toError } from '../client/index.ts';
import { isAborted } from './aborted.ts';
import { ConsistencyCheck } from './consistency-check.ts';
import { isEarlier } from './history-error.ts';
import type { ObjectStore } from './object-store.ts';
import { applySnapshot, fetchSnapshot } from './snapshot.ts';
import type { SnapshotSource } from './snapshot.ts';

/** How soon a doubt is settled by a list, and how seldom if it comes up again and again. */
const afterDoubt = { first: 1000, atMost: 300_000 };

/** What {@link Comparisons} needs of the reflector that they are for. */
export interface ComparisonOptions<T> {
  readonly source: SnapshotSource<T>;
  readonly store: ObjectStore<T>;
  /** Up to where the collection is known; undefined while a list is due or under way that does all of this anyway. */
  readonly version: () => string | undefined;
  /** Lets all that waits for the event loop have its turn. */
  readonly turn: () => Promise<void>;
  /** The server has turned out to be at an earlier version than is known. */
  readonly wentBack: (version: string) => void;
  /** The watch had missed changes of these objects, which are repaired. */
  readonly missed: (keys: readonly string[]) => void;
  readonly failed: (error: Error, retryInMilliseconds: number) => void;
  readonly relistSeconds: number;
  readonly clock: Clock;
  readonly random: (() => number) | undefined;
}

/** Compares what a watch has brought with a fresh list: now and then, and soon when there is a doubt. */
export class Comparisons<T> {
  readonly #o: ComparisonOptions<T>;
  readonly #backoff: Backoff;
  #check: ConsistencyCheck | undefined;
  /** Aborts when there is a doubt that no comparison has settled yet. */
  #doubt = new AbortController();

  constructor(options: ComparisonOptions<T>) {
    this.#o = options;
    this.#backoff = new Backoff({ ...afterDoubt, ...(options.random && { random: options.random }) });
  }

  /** An event of the watch: answers whether the store is newer already, by a list that is being compared. */
  isStale(key: string, version: string): boolean {
    return this.#check?.isStale(key, version) === true;
  }

  /** The watch has come to this version. */
  passed(version: string): void {
    const missed = this.#check?.verdict(version);
    if (missed === undefined) return;
    this.#check = undefined;
    if (missed.length > 0) this.#o.missed(missed);
  }

  /** The collection is listed anew, which does everything that a comparison under way would. */
  abandon(): void {
    this.#check = undefined;
  }

  /** Something came that cannot be: a list is to tell soon what is true. */
  doubt(): void {
    this.#doubt.abort();
  }

  /** Compares until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { relistSeconds, version, failed } = this.#o;
    while (!signal.aborted) {
      await this.#untilDue(signal);
      const known = version();
      if (isAborted(signal) || known === undefined) continue;
      try {
        await this.#compare(known, signal);
      } catch (error) {
        this.#check = undefined;
        if (!isAborted(signal)) failed(toError(error), relistSeconds * 1000);
      }
    }
  }

  async #untilDue(signal: AbortSignal): Promise<void> {
    const { relistSeconds, clock, random } = this.#o;
    const doubt = this.#doubt.signal;
    await sleep(clock, jittered(relistSeconds * 1000, 0.5, random), AbortSignal.any([signal, doubt]));
    if (doubt.aborted) await sleep(clock, this.#backoff.next(), signal);
    else this.#backoff.reset();
    this.#doubt = new AbortController();
  }

  async #compare(known: string, signal: AbortSignal): Promise<void> {
    const { source, store, version, turn, wentBack } = this.#o;
    const check = new ConsistencyCheck();
    this.#check = check;
    const snapshot = await fetchSnapshot(source, store, known, signal);
    signal.throwIfAborted();
    const goesOn = (): boolean => this.#check === check && version() !== undefined && !isAborted(signal);
    if (!goesOn()) return;
    if (isEarlier(snapshot.version, known)) {
      this.#check = undefined;
      wentBack(snapshot.version);
      return;
    }
    check.listed(snapshot.version);
    const complete = await applySnapshot(store, snapshot, {
      mayChange: (key) => check.mayRepair(key),
      changed: (key) => check.repaired(key),
      turn: async () => {
        await turn();
        return goesOn();
      },
    });
    if (!complete) return;
    check.completed();
    this.passed(version() ?? known);
  }
}
