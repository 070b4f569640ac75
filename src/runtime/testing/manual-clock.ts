import type { Clock } from '../clock.ts';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/**
 * A clock that stands still until a test moves it. Timers fire in order of their time, each at its own time, and
 * promises get to settle between two of them.
 */
export class ManualClock implements Clock {
  #now: number;
  #ahead = 0;
  readonly #timers = new Set<Timer>();

  /** Starts at `start`, milliseconds since the epoch; monotonic time is the same number. */
  constructor(start = Date.parse('2026-01-01T00:00:00Z')) {
    this.#now = start;
  }

  wall(): number {
    return this.#now + this.#ahead;
  }

  /** Somebody sets the wall clock: so many milliseconds forwards, or back. */
  set(by: number): void {
    this.#ahead += by;
  }

  monotonic(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, milliseconds), run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  /** Number of timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves the hands forward by so many milliseconds, firing what falls due on the way. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await settle();
    for (let next = this.#earliest(end); next !== undefined; next = this.#earliest(end)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settle();
    }
    this.#now = end;
  }

  #earliest(until: number): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= until && (earliest === undefined || timer.at < earliest.at)) earliest = timer;
    }
    return earliest;
  }
}

/** Lets promise callbacks run that are already due, and all those they bring about. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
