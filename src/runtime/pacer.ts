import { Backoff } from './backoff.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface PacerOptions {
  /** The work. Takes up all that has been asked for until it is called; rejects (or throws) if it must be done again. */
  readonly run: () => Promise<void> | void;
  /**
   * Milliseconds of rest between the end of one run and the start of the next; given the duration of the run that
   * ended, so that expensive work can ask for a longer rest.
   */
  readonly rest: (lastRunMilliseconds: number) => number;
  /** When a failed run is tried again; never before its rest is over. */
  readonly retry: BackoffOptions;
  /** Told of every failed run and when it is tried again. */
  readonly onFailure: (error: unknown, retryInMilliseconds: number) => void;
  readonly clock: Clock;
}

/**
 * Does work when it is asked for: at once if all is quiet, then with rests in between however often it is asked for,
 * never twice at the same time, and again after a failure.
 *
 * ```
 *   trigger  |     | ||||| |||||| ||||||      |
 *   run      ##    ##    ##    ##    ##       ##
 *                    rest  rest  rest
 * ```
 *
 * "At once" is after the events that have already arrived have been dealt with, so that a burst is one run.
 * Every trigger is followed by a run that starts after it.
 */
export class Pacer {
  readonly #options: PacerOptions;
  readonly #backoff: Backoff;
  #wanted = false;
  #running: Promise<void> | undefined;
  #scheduled = false;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;
  #notBefore = -Infinity;
  #hurried = false;

  constructor(options: PacerOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.retry);
  }

  /** Asks for a run. While a failed run waits to be tried again, the new request waits with it. */
  trigger(): void {
    this.#wanted = true;
    this.#schedule();
  }

  /** Asks for a run without waiting for the rest or for the delay after a failure: for what changed the cause of it. */
  triggerNow(): void {
    this.#hurried = true;
    this.#notBefore = -Infinity;
    this.#cancelTimer?.();
    this.trigger();
  }

  /** Failures in a row; 0 after a run that went well. */
  get failures(): number {
    return this.#backoff.failures;
  }

  /** Starts no more runs; resolves when the present one has ended. What was asked for and not yet begun is dropped. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#running;
  }

  #schedule(): void {
    if (this.#stopped || !this.#wanted || this.#running !== undefined || this.#scheduled) return;
    const { clock } = this.#options;
    const wait = this.#notBefore - clock.monotonic();
    this.#scheduled = true;
    const start = (): void => {
      this.#cancelTimer = undefined;
      this.#scheduled = false;
      this.#start();
    };
    if (wait <= 0) {
      clock.soon(start);
      return;
    }
    const cancel = clock.after(wait, start);
    this.#cancelTimer = () => {
      cancel();
      this.#cancelTimer = undefined;
      this.#scheduled = false;
    };
  }

  #start(): void {
    if (this.#stopped || this.#running !== undefined) return;
    this.#wanted = false;
    this.#hurried = false;
    this.#running = this.#run();
    void this.#running.then(() => {
      this.#running = undefined;
      if (this.#hurried) this.#notBefore = -Infinity;
      this.#schedule();
    });
  }

  /** One run and its consequences; never rejects. */
  async #run(): Promise<void> {
    const { run, rest, clock, onFailure } = this.#options;
    const started = clock.monotonic();
    const rested = (): number => rest(clock.monotonic() - started);
    try {
      await run();
      this.#backoff.reset();
      this.#notBefore = clock.monotonic() + rested();
    } catch (error) {
      const delay = Math.ceil(Math.max(this.#backoff.next(), rested()));
      this.#wanted = true;
      this.#notBefore = clock.monotonic() + delay;
      onFailure(error, delay);
    }
  }
}
