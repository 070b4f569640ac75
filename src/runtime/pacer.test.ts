import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ManualClock } from './testing/index.ts';
import { Pacer } from './pacer.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

interface Run {
  readonly start: number;
  end: number;
  readonly failed: boolean;
}

interface Load {
  duration?: (n: number) => number;
  fails?: (n: number) => boolean;
  rest?: number;
  /** How much chance takes off the delays after failures, from 0 to 1; nothing if left out. */
  random?: () => number;
}

/** A pacer whose runs take `duration(n)` ms and fail as `fails(n)` says, on a clock that the test moves. */
function rig(o: Load = {}) {
  const clock = new ManualClock(0);
  const runs: Run[] = [];
  const failures: number[] = [];
  let active = 0;
  const pacer = new Pacer({
    clock,
    rest: () => o.rest ?? 100,
    retry: { first: 200, atMost: 1000, random: o.random ?? (() => 0) },
    onFailure: (_error, delay) => void failures.push(delay),
    run: async () => {
      expect(++active).toBe(1);
      const number = runs.length;
      const run = { start: clock.monotonic(), end: Infinity, failed: o.fails?.(number) ?? false };
      runs.push(run);
      await new Promise<void>((resolve) => void clock.after(o.duration?.(number) ?? 5, resolve));
      active--;
      run.end = clock.monotonic();
      if (run.failed) throw new Error('no');
    },
  });
  return { clock, runs, failures, pacer };
}

describe('Pacer', () => {
  test('the first change after a quiet time is done at once', async () => {
    const { clock, runs, pacer } = rig();
    await clock.advance(5000);
    pacer.trigger();
    await clock.advance(1);
    expect(runs.map((run) => run.start)).toEqual([5000]);
  });

  test('a burst that arrives together is one run', async () => {
    const { clock, runs, pacer } = rig();
    for (let n = 0; n < 50; n++) pacer.trigger();
    await clock.advance(1000);
    expect(runs).toHaveLength(1);
  });

  test('two hundred changes a second become about ten runs a second', async () => {
    const { clock, runs, pacer } = rig();
    for (let n = 0; n < 2000; n++) {
      pacer.trigger();
      await clock.advance(5);
    }
    expect(runs.length).toBeGreaterThanOrEqual(90);
    expect(runs.length).toBeLessThanOrEqual(101);
  });

  test('a failed run is tried again with growing delays, and the delay starts small again after a success', async () => {
    const { clock, runs, failures, pacer } = rig({ fails: (n) => n < 5 || n === 6 });
    pacer.trigger();
    await clock.advance(10_000);
    expect(failures).toEqual([200, 400, 800, 1000, 1000]);
    expect(runs).toHaveLength(6);
    pacer.trigger();
    await clock.advance(10_000);
    expect(failures.at(-1)).toBe(200);
    expect(pacer.failures).toBe(0);
  });

  test('the delays after failures are shortened by chance, so that not all nodes try again together', async () => {
    const chances = [0.5, 0, 0.9];
    const { clock, runs, failures, pacer } = rig({ fails: (n) => n < 3, random: () => chances.shift() ?? 0 });
    pacer.trigger();
    await clock.advance(10_000);
    expect(failures).toEqual([150, 400, 440]);
    const rests = runs.map((run, n) => run.start - (runs[n - 1]?.end ?? 0));
    expect(rests.slice(1)).toEqual(failures);
  });

  test('a failed run is not tried again before its rest is over', async () => {
    const { clock, failures, pacer } = rig({ fails: (n) => n < 3, rest: 300 });
    pacer.trigger();
    await clock.advance(10_000);
    expect(failures).toEqual([300, 400, 800]);
  });

  test('changes during the delay after a failure do not hurry it, unless asked to', async () => {
    const { clock, runs, pacer } = rig({ fails: (n) => n === 0 });
    pacer.trigger();
    await clock.advance(50);
    pacer.trigger();
    await clock.advance(50);
    expect(runs).toHaveLength(1);
    pacer.triggerNow();
    await clock.advance(1);
    expect(runs).toHaveLength(2);
  });

  test('stopping waits for the run under way and starts no other', async () => {
    const { clock, runs, pacer } = rig({ duration: () => 50 });
    pacer.trigger();
    await clock.advance(10);
    pacer.trigger();
    let stopped = false;
    void pacer.stop().then(() => (stopped = true));
    await clock.advance(10);
    expect(stopped).toBe(false);
    await clock.advance(1000);
    expect(stopped).toBe(true);
    expect(runs).toHaveLength(1);
    expect(clock.waiting).toBe(0);
  });

  test('a run that throws before its first await counts as failed', async () => {
    const clock = new ManualClock(0);
    const delays: number[] = [];
    let calls = 0;
    const pacer = new Pacer({
      clock,
      rest: () => 0,
      retry: { first: 10, atMost: 10, jitter: 0 },
      onFailure: (_error, delay) => void delays.push(delay),
      run: () => {
        if (++calls < 3) throw new Error('no');
      },
    });
    pacer.trigger();
    await clock.advance(1000);
    expect([calls, delays]).toEqual([3, [10, 10]]);
  });

  test('whatever the load: never two at once, always a rest, nothing asked for is forgotten', async () => {
    const step = fc.record({ wait: fc.nat(400), now: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40, size: 'max' }),
        fc.array(fc.nat(300), { minLength: 1 }),
        fc.array(fc.boolean(), { minLength: 1 }),
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 }),
        async (steps, durations, failing, chances) => {
          let drawn = 0;
          const { clock, runs, pacer } = rig({
            duration: (n) => durations[n % durations.length]!,
            fails: (n) => n < 60 && failing[n % failing.length]!,
            random: () => chances[drawn++ % chances.length]!,
          });
          let last = -1;
          let hurried = false;
          for (const { wait, now } of steps) {
            await clock.advance(wait);
            last = clock.monotonic();
            hurried ||= now;
            if (now) pacer.triggerNow();
            else pacer.trigger();
          }
          await clock.advance(200_000);
          for (const [index, run] of runs.entries()) {
            expect(run.end).toBeLessThan(Infinity);
            const rest = run.start - (runs[index - 1]?.end ?? -Infinity);
            expect(rest).toBeGreaterThanOrEqual(hurried ? 0 : 100);
          }
          if (steps.length > 0) {
            expect(runs.at(-1)!.start).toBeGreaterThanOrEqual(last);
            expect(runs.at(-1)!.failed).toBe(false);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
