/**
 * Time as every part of the project sees it, so that tests can turn the hands.
 */
export interface Clock {
  /** Milliseconds since the epoch, for what people and other machines read. Jumps when somebody sets the clock. */
  wall(): number;
  /** Milliseconds from an arbitrary start that only ever grow, for everything that measures or waits. */
  monotonic(): number;
  /** Calls `run` once, `milliseconds` from now, without keeping the process alive. Returns what cancels it. */
  after(milliseconds: number, run: () => void): () => void;
  /** Calls `run` once the events that are already at hand have been dealt with. */
  soon(run: () => void): void;
}

/** The machine's own time. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon: (run) => void setImmediate(run),
};

/** Resolves after `milliseconds`, or at once when the signal aborts: look at the signal afterwards. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(milliseconds, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
