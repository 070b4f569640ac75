import type { Clock } from '../../runtime/index.ts';

/** A watch that has said nothing for too long: its connection is taken for dead. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';

  constructor(seconds: number) {
    super(`the watch was silent for ${seconds} s, without so much as a bookmark`);
  }
}

/**
 * A signal that aborts when nothing was heard for some seconds, or when the outer signal aborts. A half-open connection
 * (the peer vanished without a word) is noticed in no other way.
 */
export class SilenceTimer {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #milliseconds: number;
  readonly #outer: AbortSignal;
  #lastHeard: number;
  #cancel: () => void;

  constructor(clock: Clock, seconds: number, outer: AbortSignal) {
    this.#clock = clock;
    this.#milliseconds = seconds * 1000;
    this.#outer = outer;
    this.#lastHeard = clock.monotonic();
    this.#cancel = clock.after(this.#milliseconds, this.#check);
    outer.addEventListener('abort', this.#abort);
    if (outer.aborted) this.#abort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something came. Cheap enough for every event: the timer itself is left as it is. */
  heard(): void {
    this.#lastHeard = this.#clock.monotonic();
  }

  /** The watch is to end, for this reason. */
  giveUp(error: Error): void {
    this.#cancel();
    this.#controller.abort(error);
  }

  /** Lets go of the timer and of the outer signal. */
  end(): void {
    this.#cancel();
    this.#outer.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => {
    this.#cancel();
    this.#controller.abort(this.#outer.reason);
  };

  readonly #check = (): void => {
    const remaining = this.#lastHeard + this.#milliseconds - this.#clock.monotonic();
    if (remaining > 0) {
      this.#cancel = this.#clock.after(remaining, this.#check);
    } else {
      this.#controller.abort(new SilenceError(this.#milliseconds / 1000));
    }
  };
}
