/** Time, timers and chance, so that tests can run hours in seconds. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch: only for what people and other machines read. */
  now(): number;
  /** Milliseconds on a clock that never jumps: for durations. */
  monotonic(): number;
  /** A number in [0, 1). */
  random(): number;
  /** Runs `action` once, `milliseconds` from now; the result cancels it. */
  after(milliseconds: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  after(milliseconds, action) {
    const timer = setTimeout(action, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
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

/** metav1.MicroTime: RFC 3339 with exactly six decimals, which is what the API server's parser insists on. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
