import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LatencyHistogram, RequestCount } from '../../src/dataplane/index.ts';
import { eventually } from '../support/index.ts';
import type { RequestsMade } from './requests.ts';
import type { Kind } from './userspace-rig.ts';
import { UserspaceRig } from './userspace-rig.ts';

const both = ['local', 'remote'] as const;
const roundRobin = { 'nftproxy.io/algorithm': 'round-robin' };

let rig: UserspaceRig;

beforeAll(async () => {
  rig = await newNode();
}, 180_000);
afterAll(() => rig[Symbol.asyncDispose]());

async function newNode(): Promise<UserspaceRig> {
  const node = await UserspaceRig.create();
  node.node.configure({ mode: 'userspace' });
  await node.serve(both, roundRobin);
  await node.haproxy.start();
  await eventually('HAProxy to be seen', () => node.node.look());
  return node;
}

const nothing: LatencyHistogram = { bounds: [], counts: [], sumSeconds: 0 };

async function histogram(kind: Kind, of = rig): Promise<LatencyHistogram> {
  return (await of.requestsAnswered()).find(({ port }) => port === kind)?.latency ?? nothing;
}

/** What came between two readings. */
function between(before: LatencyHistogram, after: LatencyHistogram): LatencyHistogram {
  const counts = after.counts.map((count, at) => count - (before.counts[at] ?? 0));
  return { bounds: after.bounds, counts, sumSeconds: after.sumSeconds - before.sumSeconds };
}

const numberOf = ({ counts }: LatencyHistogram): number => counts.reduce((sum, count) => sum + count, 0);
/** As a bucket of Prometheus' has it: all that took at most so long. */
const within = ({ bounds, counts }: LatencyHistogram, seconds: number): number =>
  counts.reduce((sum, count, at) => sum + ((bounds[at] ?? Infinity) <= seconds ? count : 0), 0);
const madeOf = ({ milliseconds }: RequestsMade): number => milliseconds.length;
const secondsOf = ({ milliseconds }: RequestsMade): number => milliseconds.reduce((sum, each) => sum + each, 0) / 1000;

/** Requests while something happens, and the histogram of exactly these. */
async function measured(
  kind: Kind,
  during: () => Promise<void>,
  path = '/',
): Promise<{ made: RequestsMade; seen: LatencyHistogram }> {
  const before = await histogram(kind);
  const made = await rig.requestsWhile(kind, during, { path });
  return { made, seen: between(before, await histogram(kind)) };
}

describe('how long answers take', () => {
  it.each(['http', 'grpc'] as const)(
    'is counted where it belongs: %s that takes 60 ms is no faster and no slower',
    async (kind) => {
      const { made, seen } = await measured(kind, () => sleep(1000), '/slow/60');
      expect(made.failures).toEqual([]);
      expect(numberOf(seen)).toBe(madeOf(made));
      expect(within(seen, 0.05)).toBe(0);
      // A client waits for the proxy's part, too: by any bound at least as many answers have begun as it has had.
      for (const bound of seen.bounds) {
        const had = made.milliseconds.filter((each) => each <= bound * 1000).length;
        expect(within(seen, bound), `${bound} s`).toBeGreaterThanOrEqual(had);
      }
      expect(seen.sumSeconds).toBeGreaterThan(0.059 * madeOf(made));
      expect(seen.sumSeconds).toBeLessThanOrEqual(secondsOf(made));
    },
  );

  it('is until an answer begins, not until it has ended: a stream that is open for long is quick', async () => {
    const { made, seen } = await measured('h2c', () => sleep(500), '/slow/1500');
    expect([made.failures, numberOf(seen)]).toEqual([[], madeOf(made)]);
    expect(secondsOf(made)).toBeGreaterThan(1.5 * madeOf(made));
    expect(seen.sumSeconds).toBeLessThan(secondsOf(made) / 2);
  });

  it('is counted once for a request that is first told that it is being processed', async () => {
    const { made, seen } = await measured('http', () => sleep(500), '/processing');
    expect([made.failures, numberOf(seen)]).toEqual([[], madeOf(made)]);
    expect(seen.sumSeconds).toBeLessThanOrEqual(secondsOf(made));
  });

  it('adds up over nodes', async () => {
    await using other = await newNode();
    const made = [
      await other.requestsWhile('http', () => sleep(500)),
      await other.requestsWhile('http', () => sleep(500), { path: '/slow/300' }),
    ];
    const { made: here, seen } = await measured('http', () => sleep(500), '/slow/60');
    const there = await histogram('http', other);
    expect(there.bounds).toEqual(seen.bounds);
    const sum = { ...seen, counts: seen.counts.map((count, at) => count + (there.counts[at] ?? 0)) };
    expect(numberOf(sum)).toBe([here, ...made].reduce((all, each) => all + madeOf(each), 0));
    // What takes 300 ms is not within 250, and so on for 60 and 50, wherever it was counted.
    expect(numberOf(sum) - within(sum, 0.25)).toBeGreaterThanOrEqual(madeOf(made[1]!));
    expect(numberOf(sum) - within(sum, 0.05)).toBeGreaterThanOrEqual(madeOf(made[1]!) + madeOf(here));
  });
});

describe('the histogram', () => {
  it.each(['http', 'h2c', 'grpc'] as const)('misses no request of %s while endpoints come and go', async (kind) => {
    const { made, seen } = await measured(kind, async () => {
      for (let round = 0; round < 4; round++) {
        await sleep(200);
        await rig.serve(round % 2 === 0 ? ['local'] : both, roundRobin);
      }
      await sleep(200);
    });
    expect(made.failures).toEqual([]);
    expect(madeOf(made)).toBeGreaterThan(20);
    expect(numberOf(seen)).toBe(madeOf(made));
  });

  it.each(['http', 'h2c', 'grpc'] as const)('misses no request of %s while HAProxy reloads', async (kind) => {
    const workers = new Set([(await rig.haproxy.runtime.info()).pid]);
    const answers = async () => (await rig.requestsAnswered()).find(({ port }) => port === kind)?.answers['2xx'] ?? 0;
    const answeredBefore = await answers();
    const { made, seen } = await measured(kind, async () => {
      for (const round of [1, 2, 3]) {
        await sleep(300);
        // A kind of Service that was not there yet.
        await rig.serve(both, { 'nftproxy.io/hash-header': `x-${kind}-${round}` });
        workers.add((await rig.haproxy.runtime.info()).pid);
        // What the agent does every second.
        await rig.node.look();
      }
      await sleep(300);
    });
    await rig.serve(both, roundRobin);
    expect(workers.size).toBe(4);
    expect(made.failures).toEqual([]);
    expect(numberOf(seen)).toBe(madeOf(made));
    expect((await answers()) - answeredBefore).toBe(madeOf(made));
  });

  it('has what was under way when HAProxy reloaded, and the worker that it was under way in is let go then', async () => {
    const before = await histogram('grpc');
    const { pid } = await rig.haproxy.runtime.info();
    const made = await rig.requestsWhile(
      'grpc',
      async () => {
        await sleep(500);
        await rig.serve(both, { 'nftproxy.io/hash-header': 'x-under-way' });
        expect((await rig.haproxy.runtime.info()).pid).not.toBe(pid);
      },
      { path: '/slow/3000' },
    );
    await eventually('the former worker to end', async () => {
      await rig.node.look();
      return !rig.haproxy.isRunning(pid);
    });
    const seen = between(before, await histogram('grpc'));
    expect(numberOf(seen)).toBe(madeOf(made));
    expect(within(seen, 2.5)).toBe(0);
    await rig.serve(both, roundRobin);
  });

  it('goes on when HAProxy is killed and comes back, and never back', async () => {
    const before = await histogram('http');
    const readings: number[] = [];
    await rig.haproxy.kill();
    await eventually('slots', async () => (await rig.node.look()) && rig.node.dataPlane.fallbacks.size === 4);
    readings.push(numberOf(await histogram('http')));
    await rig.haproxy.start();
    await eventually('HAProxy to be seen', () => rig.node.look());
    readings.push(numberOf(await histogram('http')));
    const { made, seen } = await measured('http', () => sleep(500));
    expect(numberOf(seen)).toBe(madeOf(made));
    readings.push(numberOf(await histogram('http')));
    expect(readings).toEqual([numberOf(before), numberOf(before), numberOf(before) + madeOf(made)]);
  });

  it('begins at nothing when the agent is started anew: what is lower than before is taken for a beginning', async () => {
    expect(numberOf(await histogram('http'))).toBeGreaterThan(0);
    rig.node.restart(rig.objects);
    await rig.node.run();
    expect(numberOf(await histogram('http'))).toBe(0);
    const { made, seen } = await measured('http', () => sleep(500));
    expect(numberOf(seen)).toBe(madeOf(made));
    expect(numberOf(await histogram('http'))).toBe(madeOf(made));
  });

  it('of a Service that is gone and comes again begins at nothing, too', async () => {
    await rig.requestsWhile('http', () => sleep(200));
    expect(numberOf(await histogram('http'))).toBeGreaterThan(0);
    rig.node.service('web', undefined);
    await rig.node.run();
    expect(await rig.requestsAnswered()).toEqual([] satisfies RequestCount[]);
    await rig.serve(both, roundRobin);
    expect(numberOf(await histogram('http'))).toBe(0);
  });
});
