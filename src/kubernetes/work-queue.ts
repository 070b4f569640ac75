/** What a reconcile asks for beyond having succeeded. */
export interface Again {
  /** Look at the key once more after this time, even if nothing changes. */
  readonly afterSeconds: number;
}

export interface WorkQueueOptions {
  readonly name: string;
  /** Brings the world in line for one key. Given a key only: what it needs to know it looks up when it runs. */
  readonly reconcile: (key: string) => Promise<Again | undefined>;
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  /** Least time between two runs of one key; changes in between become one run. */
  readonly intervalSeconds?: number;
  /** Told of each run. */
  readonly onDone?: (outcome: { key: string; seconds: number; error?: Error; retryInSeconds?: number }) => void;
}

const firstRetrySeconds = 0.2;
const longestRetrySeconds = 30;

/**
 * A level-triggered work queue, as controllers have it: a key is in it at most once, is never worked on twice at the
 * same time, and comes again (with back-off per key) when its reconcile fails. A key that is added while it is being
 * worked on runs once more after that.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #timers = new Map<string, { timer: NodeJS.Timeout; due: number }>();
  readonly #failures = new Map<string, number>();
  readonly #lastStart = new Map<string, number>();
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
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
    return last === undefined ? 0 : last + interval - performance.now();
  }

  #addLater(key: string, milliseconds: number): void {
    const due = performance.now() + milliseconds;
    const earlier = this.#timers.get(key);
    if (this.#stopped || (earlier !== undefined && earlier.due <= due)) return;
    this.#cancel(key);
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.#waiting.add(key);
      this.#pump();
    }, milliseconds);
    this.#timers.set(key, { timer, due });
  }

  #cancel(key: string): void {
    clearTimeout(this.#timers.get(key)?.timer);
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
    const started = performance.now();
    this.#lastStart.set(key, started);
    const seconds = (): number => (performance.now() - started) / 1000;
    try {
      const again = await this.#options.reconcile(key);
      this.#failures.delete(key);
      this.#options.onDone?.({ key, seconds: seconds() });
      if (again !== undefined) this.#addLater(key, again.afterSeconds * 1000);
    } catch (thrown) {
      const retryInSeconds = this.#retryDelay(key);
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#options.onDone?.({ key, seconds: seconds(), error, retryInSeconds });
      this.#addLater(key, retryInSeconds * 1000);
    } finally {
      this.#running.delete(key);
      if ((this.#options.intervalSeconds ?? 0) === 0) this.#lastStart.delete(key);
      this.#pump();
    }
  }

  #retryDelay(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    return Math.min(firstRetrySeconds * 2 ** Math.min(failures, 16), longestRetrySeconds);
  }
}
