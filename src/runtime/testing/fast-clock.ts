import type { Clock } from '../clock.ts';

/** A clock on which time runs `factor` times as fast, for tests of what takes minutes and talks to a real server. */
export function fastClock(factor: number): Clock {
  const start = Date.now();
  const monotonic = (): number => performance.now() * factor;
  const offset = monotonic();
  return {
    wall: () => start + (monotonic() - offset),
    monotonic,
    after: (milliseconds, run) => {
      const timer = setTimeout(run, milliseconds / factor);
      return () => clearTimeout(timer);
    },
    soon: (run) => void setImmediate(run),
  };
}
