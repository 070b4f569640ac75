import type { Clock } from '../clock.ts';

/** A clock on which time runs `factor` times as fast, for tests of what takes minutes. */
export function fastClock(factor: number, random: () => number = Math.random): Clock {
  const start = Date.now();
  const monotonic = (): number => performance.now() * factor;
  const offset = monotonic();
  return {
    now: () => start + (monotonic() - offset),
    monotonic,
    random,
    after(milliseconds, action) {
      const timer = setTimeout(action, milliseconds / factor);
      return () => {
        clearTimeout(timer);
      };
    },
  };
}
