import type { Clock } from './clock.ts';

/**
 * Calls `run` every so many milliseconds, counted from the start of one call to the start of the next, without keeping
 * the process alive. Returns what ends it.
 */
export function every(clock: Clock, milliseconds: number, run: () => void): () => void {
  let cancel = (): void => undefined;
  const next = (): void => {
    cancel = clock.after(milliseconds, () => {
      next();
      run();
    });
  };
  next();
  return () => cancel();
}
