import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WorkQueue } from './work-queue.ts';
import type { WorkQueueOptions } from './work-queue.ts';

function record(o: Partial<WorkQueueOptions> = {}) {
  const runs: string[] = [];
  const queue = new WorkQueue({
    name: 'test',
    concurrency: 2,
    reconcile: (key) => {
      runs.push(key);
      return Promise.resolve(undefined);
    },
    ...o,
  });
  return { queue, runs };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

describe('a work queue', () => {
  test('looks at each key, and at one that is added many times only once more', async () => {
    const busy = Promise.withResolvers<undefined>();
    const runs: string[] = [];
    const { queue } = record({
      reconcile: (key) => {
        runs.push(key);
        return busy.promise;
      },
    });
    for (const key of ['a', 'a', 'a', 'b', 'a']) queue.add(key);
    expect(runs).toEqual(['a', 'b']);
    busy.resolve(undefined);
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toEqual(['a', 'b', 'a']);
    expect(queue.length).toBe(0);
  });

  test('works on no more keys at once than it may', async () => {
    let most = 0;
    let now = 0;
    const { queue } = record({
      reconcile: async () => {
        most = Math.max(most, ++now);
        await sleepFake(10);
        now--;
        return undefined;
      },
    });
    for (let index = 0; index < 20; index++) queue.add(`key-${index}`);
    await vi.advanceTimersByTimeAsync(1000);
    expect(most).toBe(2);
    expect(queue.length).toBe(0);
  });

  test('tries again after a failure, later each time, and at once when something changes', async () => {
    const times: number[] = [];
    const failures: string[] = [];
    const start = performance.now();
    const { queue } = record({
      reconcile: () => {
        times.push(Math.round(performance.now() - start));
        return times.length < 4 ? Promise.reject(new Error('not yet')) : Promise.resolve(undefined);
      },
      onDone: ({ error }) => {
        if (error) failures.push(error.message);
      },
    });
    queue.add('a');
    await vi.advanceTimersByTimeAsync(650);
    expect(times).toEqual([0, 200, 600]);
    queue.add('a');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(times).toEqual([0, 200, 600, 650]);
    expect(failures).toEqual(['not yet', 'not yet', 'not yet']);
  });

  test('makes many changes of one key within the interval one run, the first at once', async () => {
    const { queue, runs } = record({ intervalSeconds: 1 });
    for (let index = 0; index < 30; index++) {
      queue.add('a');
      await vi.advanceTimersByTimeAsync(100);
    }
    await vi.advanceTimersByTimeAsync(2000);
    expect(runs).toHaveLength(4);
  });

  test('looks again after the time that a reconcile asks for', async () => {
    const { queue, runs } = record();
    const asking = record({
      reconcile: (key) => {
        runs.push(key);
        return Promise.resolve(runs.length < 3 ? { afterSeconds: 5 } : undefined);
      },
    });
    asking.queue.add('a');
    await vi.advanceTimersByTimeAsync(4900);
    expect(runs).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(runs).toHaveLength(3);
    await queue.stop();
  });

  test('finishes what is under way when it is stopped, and begins nothing more', async () => {
    const busy = Promise.withResolvers<undefined>();
    const runs: string[] = [];
    const { queue } = record({
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
    await vi.advanceTimersByTimeAsync(100);
    expect(stopped).toBe(false);
    busy.resolve(undefined);
    await stopping;
    queue.add('c');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(runs).toEqual(['a']);
  });
});

test('whatever happens, the last state of every key is seen, and no key is worked on twice at once', async () => {
  vi.useRealTimers();
  const change = fc.record({ key: fc.constantFrom('a', 'b', 'c'), value: fc.nat(), pause: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 30 }), fc.nat(3), async (changes, failEvery) => {
      const wanted = new Map<string, number>();
      const seen = new Map<string, number>();
      const underWay = new Set<string>();
      let runs = 0;
      const queue = new WorkQueue({
        name: 'test',
        concurrency: 2,
        reconcile: async (key) => {
          expect(underWay.has(key)).toBe(false);
          underWay.add(key);
          const value = wanted.get(key) ?? 0;
          await sleep(0);
          underWay.delete(key);
          if (failEvery > 1 && ++runs % (failEvery + 1) === 0) throw new Error('now and then');
          seen.set(key, value);
          return undefined;
        },
      });
      for (const { key, value, pause } of changes) {
        wanted.set(key, value);
        queue.add(key);
        if (pause) await sleep(1);
      }
      for (let wait = 0; wait < 200 && !equal(seen, wanted); wait++) await sleep(10);
      expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(wanted));
      await queue.stop();
    }),
    { numRuns: 40 },
  );
}, 60_000);

function equal(a: Map<string, number>, b: Map<string, number>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

/** A timer that the fake clock drives (the promise timers of Node are not faked). */
function sleepFake(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, milliseconds));
}
