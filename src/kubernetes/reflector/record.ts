import type { Clock } from '../../runtime/index.ts';
import { toError } from '../client/index.ts';
import type { ReflectorOptions, ReflectorStatistics } from './options.ts';

/** Whose record it is, and who is told of errors. */
type Told = Pick<ReflectorOptions<never>, 'name' | 'onError'>;

/** What has happened to a reflector, for whoever asks, and who is told of errors. */
export class ReflectorRecord {
  readonly #o: Told;
  readonly #clock: Clock;
  readonly #count = { lists: 0, watches: 0, events: 0, cacheMisses: 0, errors: 0 };
  /** Monotonic. */
  #lastEventAt: number | undefined;
  #lastError: string | undefined;

  constructor(options: Told, clock: Clock) {
    this.#o = options;
    this.#clock = clock;
  }

  /** Watches that were begun. */
  get watches(): number {
    return this.#count.watches;
  }

  /** One more of these. */
  count(what: 'lists' | 'watches' | 'events'): void {
    this.#count[what] += 1;
  }

  /** The server has said something. */
  heard(): void {
    this.#lastEventAt = this.#clock.monotonic();
  }

  /** The watch had missed changes of these objects, which are repaired. */
  missed(keys: readonly string[]): void {
    this.#count.cacheMisses += keys.length;
    const examples = keys.slice(0, 3).join(', ');
    this.report(new Error(`the watch had missed changes of ${keys.length} objects (${examples}); repaired`), 0);
  }

  /** Something went wrong; it is tried again in so many milliseconds, 0 for never. */
  report(error: Error, retryInMilliseconds: number): void {
    this.#count.errors += 1;
    this.#lastError = error.message;
    this.#o.onError?.(error, { retryInMilliseconds });
  }

  /** Runs code of the user of a reflector: what it throws is reported, and the loop goes on. */
  guarded<R>(about: string, action: () => R): R | undefined {
    try {
      return action();
    } catch (error) {
      this.report(new Error(`${this.#o.name}: ${about}: ${toError(error).message}`, { cause: error }), 0);
      return undefined;
    }
  }

  /** All of it, as of now. */
  statistics(failing: boolean): ReflectorStatistics {
    const at = this.#lastEventAt;
    const lastEventAgeSeconds = at === undefined ? undefined : (this.#clock.monotonic() - at) / 1000;
    return { ...this.#count, lastEventAgeSeconds, lastError: this.#lastError, failing };
  }
}
