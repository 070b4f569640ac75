/** How long to wait between attempts, in seconds. */
export interface BackoffLimits {
  readonly firstSeconds: number;
  readonly maxSeconds: number;
}

/**
 * Exponential back-off with jitter: the n-th wait in a row is `firstSeconds` * 2^n, up to half more or less, and never
 * above `maxSeconds`. The jitter keeps thousands of agents from returning to a restarted API server in step.
 */
export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #random: () => number;
  #failures = 0;

  constructor(limits: BackoffLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /** How many waits were handed out since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** The next wait in seconds. */
  next(): number {
    const { firstSeconds, maxSeconds } = this.#limits;
    const base = Math.min(firstSeconds * 2 ** this.#failures, maxSeconds);
    this.#failures += 1;
    return Math.min(base * (0.5 + this.#random()), maxSeconds);
  }

  /** An attempt succeeded: start over with the shortest wait. */
  reset(): void {
    this.#failures = 0;
  }
}
