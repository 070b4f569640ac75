import { expect, test } from 'vitest';
import { every } from './every.ts';
import { ManualClock } from './testing/index.ts';

test('what is done every second is done every second until it is told to stop, also from within', async () => {
  const clock = new ManualClock(0);
  const times: number[] = [];
  const stop = every(clock, 1000, () => {
    times.push(clock.monotonic());
    if (times.length === 3) stop();
  });
  await clock.advance(10_000);
  expect(times).toEqual([1000, 2000, 3000]);
  expect(clock.waiting).toBe(0);
});
