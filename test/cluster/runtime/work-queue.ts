import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Keys of objects to look at. A key that is added several times while it waits is handled once; the same key is never
 * handled twice at a time; a handler that throws is tried again, later each time.
 */
export class WorkQueue {
  readonly #handle: (key: string) => Promise<void>;
  readonly #onError: (key: string, error: unknown) => void;
  readonly #dirty = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(handle: (key: string) => Promise<void>, onError: (key: string, error: unknown) => void) {
    this.#handle = handle;
    this.#onError = onError;
  }

  add(key: string): void {
    if (this.#stopped.signal.aborted) return;
    this.#dirty.add(key);
    if (!this.#running.has(key)) this.#running.set(key, this.#work(key));
  }

  async #work(key: string): Promise<void> {
    let failures = 0;
    // Events that arrive together are handled together.
    await sleep(0);
    while (!this.#stopped.signal.aborted && this.#dirty.delete(key)) {
      failures = (await this.#succeeds(key)) ? 0 : failures + 1;
      if (failures === 0) continue;
      this.#dirty.add(key);
      await this.#pause(Math.min(100 * 2 ** failures, 5000));
    }
    this.#running.delete(key);
  }

  async #succeeds(key: string): Promise<boolean> {
    try {
      await this.#handle(key);
      return true;
    } catch (error) {
      // A handler that is cut off by the end of the cluster has nothing to tell.
      if (!this.#stopped.signal.aborted) this.#onError(key, error);
      return false;
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }

  /** Takes no more keys and waits until running handlers are done. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running.values());
  }
}
