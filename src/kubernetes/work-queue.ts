import { Backoff, systemClock } from '../runtime/index.ts';
import type { BackoffOptions, Clock } from '../runtime/index.ts';
import { toError } from './client/index.ts';

/** What a reconcile asks for beyond having succeeded. */
export interface Again {
  /** Look at the key once more after this time, even if nothing changes. */
  readonly afterSeconds: number;
}

export interface WorkQueueOptions {
  /** Brings the world in line for one key. Given a key only: what it needs to know it looks up when it runs. */
  readonly reconcile: (key: string) => Promise<Again | undefined>;
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  /** Least time between two runs of one key; changes in between become one run. */
  readonly intervalSeconds?: number;
  /** When a key whose reconcile failed is tried again; after 200 ms, and later each time up to 30 s, if left out. */
  readonly retry?: BackoffOptions;
  /** Told of each run. */
  readonly onDone?: (outcome: WorkOutcome) => void;
  readonly clock?: Clock;
}

/** How one run for one key went. */
export interface WorkOutcome {
  readonly key: string;
  /** How long it took. */
  readonly seconds: number;
  /** Why it failed; undefined if it did not. */
  readonly error?: Error;
  /** When it is tried again; undefined if it did not fail. */
  readonly retryInMilliseconds?: number;
}

const defaultRetry = { first: 200, atMost: 30_000 };

/**
 * A level-triggered work queue, as controllers have it: a key is in it at most once, is never worked on twice at the
 * same time, and comes again (with back-off per key) when its reconcile fails. A key that is added while it is being
 * worked on runs once more after that.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #clock: Clock;
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #timers = new Map<string, { cancel: () => void; due: number }>();
  readonly #failing = new Map<string, Backoff>();
  readonly #lastStart = new Map<string, number>();
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Keys that wait for their turn, a retry's time included. */
  get length(): number {
    return this.#waiting.size + this.#timers.size;
  }

  /** Has the key looked at, soon. */
  add(key: string): void {
    if (this.#stopped || this.#waiting.has(key)) return;
    const wait = this.#waitFor(key);
    if (wait > 0) {
      this.#addLater(key, wait);
      return;
    }
    this.#cancel(key);
    this.#waiting.add(key);
    this.#pump();
  }

  /** Drops what is not under way and waits for what is. Nothing is accepted any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    for (const key of [...this.#timers.keys()]) this.#cancel(key);
    await Promise.all(this.#running.values());
  }

  /** Milliseconds until the key may run again. */
  #waitFor(key: string): number {
    const last = this.#lastStart.get(key);
    const interval = (this.#options.intervalSeconds ?? 0) * 1000;
    return last === undefined ? 0 : last + interval - this.#clock.monotonic();
  }

  #addLater(key: string, milliseconds: number): void {
    const due = this.#clock.monotonic() + milliseconds;
    const earlier = this.#timers.get(key);
    if (this.#stopped || (earlier !== undefined && earlier.due <= due)) return;
    this.#cancel(key);
    const cancel = this.#clock.after(milliseconds, () => {
      this.#timers.delete(key);
      this.#waiting.add(key);
      this.#pump();
    });
    this.#timers.set(key, { cancel, due });
  }

  #cancel(key: string): void {
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
  }

  #pump(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= this.#options.concurrency) return;
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      this.#running.set(key, this.#run(key));
    }
  }

  async #run(key: string): Promise<void> {
    const started = this.#clock.monotonic();
    this.#lastStart.set(key, started);
    const seconds = (): number => (this.#clock.monotonic() - started) / 1000;
    try {
      const again = await this.#options.reconcile(key);
      this.#failing.delete(key);
      this.#options.onDone?.({ key, seconds: seconds() });
      if (again !== undefined) this.#addLater(key, again.afterSeconds * 1000);
    } catch (thrown) {
      const retryInMilliseconds = this.#retryDelay(key);
      this.#options.onDone?.({ key, seconds: seconds(), error: toError(thrown), retryInMilliseconds });
      this.#addLater(key, retryInMilliseconds);
    } finally {
      this.#running.delete(key);
      if ((this.#options.intervalSeconds ?? 0) === 0) this.#lastStart.delete(key);
      this.#pump();
    }
  }

  #retryDelay(key: string): number {
    const backoff = this.#failing.get(key) ?? new Backoff(this.#options.retry ?? defaultRetry);
    this.#failing.set(key, backoff);
    return backoff.next();
  }
}
