import { describe, expect, test } from 'vitest';
import { sleep } from './clock.ts';
import { ManualClock } from './testing/index.ts';

/** Sleeps on a clock that the test moves; tells when the sleep has ended. */
function sleeper(milliseconds: number, signal?: AbortSignal) {
  const clock = new ManualClock();
  let awake = false;
  void sleep(clock, milliseconds, signal).then(() => (awake = true));
  return { clock, isAwake: () => awake };
}

describe('a sleep', () => {
  test('lasts as long as it should', async () => {
    const { clock, isAwake } = sleeper(1000);
    await clock.advance(999);
    expect(isAwake()).toBe(false);
    await clock.advance(1);
    expect(isAwake()).toBe(true);
  });

  test('ends early when it is told to, and leaves no timer behind', async () => {
    const stop = new AbortController();
    const { clock, isAwake } = sleeper(1000, stop.signal);
    await clock.advance(10);
    stop.abort();
    await clock.advance(0);
    expect([isAwake(), clock.waiting]).toEqual([true, 0]);
  });

  test('does not begin when it was told to end before', async () => {
    const { clock, isAwake } = sleeper(1000, AbortSignal.abort());
    expect(clock.waiting).toBe(0);
    await clock.advance(0);
    expect(isAwake()).toBe(true);
  });
});
