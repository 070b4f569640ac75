import type { Clock } from '../../runtime/index.ts';
import { TimeoutError } from './errors.ts';

/** A signal that aborts with a TimeoutError after some seconds, and with the caller's reason when theirs does. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #cancel: () => void;
  readonly #outer: AbortSignal | undefined;

  constructor(clock: Clock, seconds: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#cancel = clock.after(seconds * 1000, () => {
      this.#controller.abort(new TimeoutError(seconds));
    });
    outer?.addEventListener('abort', this.#abort);
    if (outer?.aborted) this.#abort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What was to be done in time is done: from here on only the caller's signal counts. */
  met(): void {
    this.#cancel();
  }

  /** Lets go of the timer and of the caller's signal. */
  end(): void {
    this.#cancel();
    this.#outer?.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => {
    this.#cancel();
    this.#controller.abort(this.#outer?.reason);
  };
}
