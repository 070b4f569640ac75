/** How long to wait between attempts, in milliseconds. */
export interface BackoffOptions {
  /** The first wait, before chance shortens it. */
  readonly first: number;
  /** No wait is longer than this. */
  readonly atMost: number;
  /** How much longer each wait is than the one before; 2 if left out. */
  readonly factor?: number;
  /** The share of a wait that chance may take off, from 0 to 1; 0.5 if left out. */
  readonly jitter?: number;
  /** A number in [0, 1); Math.random if left out. At 0 nothing is taken off. */
  readonly random?: () => number;
}

/** So many factors are more than any wait; a power of a longer row would be Infinity. */
const longestRow = 100;

/**
 * Exponential back-off with jitter: the n-th wait in a row, from 0, is `first` * `factor`^n, never above `atMost`, less
 * a random share of up to `jitter` of it. The jitter keeps thousands of agents from returning to a restarted API server
 * in step; it is taken off, not added on top, so that they also differ when all have come to the longest wait.
 *
 * Knows no time: those who wait ask it how long.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** How many waits were handed out since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** The next wait, in whole milliseconds. */
  next(): number {
    const { first, atMost, factor = 2, jitter = 0.5, random } = this.#options;
    const wait = Math.min(first * factor ** Math.min(this.#failures, longestRow), atMost);
    this.#failures += 1;
    return Math.floor(jittered(wait, jitter, random));
  }

  /** An attempt succeeded: start over with the shortest wait. */
  reset(): void {
    this.#failures = 0;
  }
}

/**
 * A time less a random share of it, for what many processes do at regular times and should not do together.
 *
 * @param share how much of `longest` chance may take off, from 0 to 1
 * @returns a time from `longest` * (1 - `share`) to `longest`
 */
export function jittered(longest: number, share: number, random: () => number = Math.random): number {
  return longest * (1 - share * random());
}
