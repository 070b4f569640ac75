import fc from 'fast-check';
import { setTimeout as sleepReally } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { sleep } from '../runtime/index.ts';
import { ManualClock } from '../runtime/testing/index.ts';
import { WorkQueue } from './work-queue.ts';
import type { WorkQueueOptions } from './work-queue.ts';

/** A queue on a clock that the test moves, and the keys that it has looked at. */
function rig(o: Partial<WorkQueueOptions> = {}) {
  const runs: string[] = [];
  const clock = new ManualClock();
  const queue = new WorkQueue({
    concurrency: 2,
    reconcile: (key) => {
      runs.push(key);
      return Promise.resolve(undefined);
    },
    clock,
    ...o,
  });
  return { queue, runs, clock };
}

describe('a work queue', () => {
  test('looks at each key, and at one that is added many times only once more', async () => {
    const busy = Promise.withResolvers<undefined>();
    const runs: string[] = [];
    const { queue, clock } = rig({
      reconcile: (key) => {
        runs.push(key);
        return busy.promise;
      },
    });
    for (const key of ['a', 'a', 'a', 'b', 'a']) queue.add(key);
    expect(runs).toEqual(['a', 'b']);
    busy.resolve(undefined);
    await clock.advance(0);
    expect(runs).toEqual(['a', 'b', 'a']);
    expect(queue.length).toBe(0);
  });

  test('works on no more keys at once than it may', async () => {
    let most = 0;
    let now = 0;
    const { queue, clock } = rig({
      reconcile: async () => {
        most = Math.max(most, ++now);
        await sleep(clock, 10);
        now--;
        return undefined;
      },
    });
    for (let index = 0; index < 20; index++) queue.add(`key-${index}`);
    await clock.advance(1000);
    expect(most).toBe(2);
    expect(queue.length).toBe(0);
  });

  test('tries again after a failure, later each time, and at once when something changes', async () => {
    const times: number[] = [];
    const failures: [message: string, retryInMilliseconds: number | undefined][] = [];
    const { queue, clock } = rig({
      retry: { first: 200, atMost: 30_000, jitter: 0 },
      reconcile: () => {
        times.push(clock.monotonic() - start);
        return times.length < 4 ? Promise.reject(new Error('not yet')) : Promise.resolve(undefined);
      },
      onDone: ({ error, retryInMilliseconds }) => {
        if (error) failures.push([error.message, retryInMilliseconds]);
      },
    });
    const start = clock.monotonic();
    queue.add('a');
    await clock.advance(650);
    expect(times).toEqual([0, 200, 600]);
    queue.add('a');
    await clock.advance(60_000);
    expect(times).toEqual([0, 200, 600, 650]);
    expect(failures).toEqual([
      ['not yet', 200],
      ['not yet', 400],
      ['not yet', 800],
    ]);
  });

  test('does not try keys that failed together again together', async () => {
    const retries = new Set<number>();
    const { queue, clock } = rig({
      reconcile: () => Promise.reject(new Error('the API server is away')),
      onDone: ({ retryInMilliseconds = 0 }) => void retries.add(retryInMilliseconds),
      concurrency: 50,
    });
    for (let index = 0; index < 50; index++) queue.add(`key-${index}`);
    await clock.advance(0);
    expect(retries.size).toBeGreaterThan(10);
    await queue.stop();
  });

  test('makes many changes of one key within the interval one run, the first at once', async () => {
    const { queue, runs, clock } = rig({ intervalSeconds: 1 });
    for (let index = 0; index < 30; index++) {
      queue.add('a');
      await clock.advance(100);
    }
    await clock.advance(2000);
    expect(runs).toHaveLength(4);
  });

  test('looks again after the time that a reconcile asks for', async () => {
    const runs: string[] = [];
    const { queue, clock } = rig({
      reconcile: (key) => {
        runs.push(key);
        return Promise.resolve(runs.length < 3 ? { afterSeconds: 5 } : undefined);
      },
    });
    queue.add('a');
    await clock.advance(4900);
    expect(runs).toHaveLength(1);
    await clock.advance(60_000);
    expect(runs).toHaveLength(3);
  });

  test('finishes what is under way when it is stopped, and begins nothing more', async () => {
    const busy = Promise.withResolvers<undefined>();
    const runs: string[] = [];
    const { queue, clock } = rig({
      concurrency: 1,
      reconcile: (key) => {
        runs.push(key);
        return busy.promise;
      },
    });
    queue.add('a');
    queue.add('b');
    let stopped = false;
    const stopping = queue.stop().then(() => (stopped = true));
    await clock.advance(100);
    expect(stopped).toBe(false);
    busy.resolve(undefined);
    await stopping;
    queue.add('c');
    await clock.advance(60_000);
    expect(runs).toEqual(['a']);
    expect(clock.waiting).toBe(0);
  });
});

test('whatever happens, the last state of every key is seen, and no key is worked on twice at once', async () => {
  const change = fc.record({ key: fc.constantFrom('a', 'b', 'c'), value: fc.nat(), pause: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 30 }), fc.nat(3), async (changes, failEvery) => {
      const wanted = new Map<string, number>();
      const seen = new Map<string, number>();
      const underWay = new Set<string>();
      let runs = 0;
      const queue = new WorkQueue({
        concurrency: 2,
        reconcile: async (key) => {
          expect(underWay.has(key)).toBe(false);
          underWay.add(key);
          const value = wanted.get(key) ?? 0;
          await sleepReally(0);
          underWay.delete(key);
          if (failEvery > 1 && ++runs % (failEvery + 1) === 0) throw new Error('now and then');
          seen.set(key, value);
          return undefined;
        },
      });
      for (const { key, value, pause } of changes) {
        wanted.set(key, value);
        queue.add(key);
        if (pause) await sleepReally(1);
      }
      for (let wait = 0; wait < 200 && !equal(seen, wanted); wait++) await sleepReally(10);
      expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(wanted));
      await queue.stop();
    }),
    { numRuns: 40 },
  );
}, 60_000);

function equal(a: Map<string, number>, b: Map<string, number>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
