import { afterEach, describe, expect, it, vi } from 'vitest';
import { sleep } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { LoadFollower } from './load-follower.ts';
import { SyncLoop } from './sync-loop.ts';
import type { Synced, SyncFailed } from './sync-loop.ts';
import { SyncRig } from './testing/index.ts';

const loops: SyncLoop[] = [];
afterEach(async () => {
  await Promise.all(loops.splice(0).map((loop) => loop.stop()));
});

function newLoop() {
  const rig = new SyncRig();
  const clock = new ManualClock();
  const told: string[] = [];
  const synced: Synced[] = [];
  const failed: SyncFailed[] = [];
  const loop = new SyncLoop({
    sync: rig.sync,
    state: rig.state,
    load: new LoadFollower({ scan: () => Promise.resolve() }),
    observers: [
      {
        requested: () => told.push('requested'),
        started: () => told.push('started'),
        synced: (one) => void (told.push('synced'), synced.push(one)),
        failed: (one) => void (told.push('failed'), failed.push(one)),
      },
    ],
    clock,
    log: rig.log,
  });
  loops.push(loop);
  return { ...{ rig, clock, told, synced, failed, loop } };
}

describe('the agent’s loop', () => {
  it('writes nothing before everything is listed and a configuration is there', async () => {
    const { rig, clock, told, loop } = newLoop();
    rig.serve(1, ['10.244.0.1']);
    loop.request();
    await clock.advance(1000);
    rig.configure();
    loop.request();
    await clock.advance(1000);
    expect([told, rig.kernel.writes]).toEqual([[], []]);
    loop.start();
    await clock.advance(10);
    expect(told).toEqual(['requested', 'started', 'synced']);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
  });

  it('tells how long a change waited from its arrival', async () => {
    const { rig, clock, synced, loop } = newLoop();
    rig.configure();
    loop.start();
    await clock.advance(50);
    rig.serve(1, ['10.244.0.1']);
    loop.request();
    await clock.advance(200);
    expect(synced.at(-1)?.latencySeconds).toBeGreaterThan(0.01);
    expect(synced.at(-1)?.latencySeconds).toBeLessThan(0.2);
  });

  it('begins a sync at most every 100 ms, and no later, however often something changes', async () => {
    const { rig, clock, told, synced, loop } = newLoop();
    const run = rig.sync.run.bind(rig.sync);
    vi.spyOn(rig.sync, 'run').mockImplementation(async () => {
      await sleep(clock, 40);
      return run();
    });
    rig.configure();
    loop.start();
    await clock.advance(50);
    const begun: number[] = [];
    for (let at = 0; at < 2000; at += 10) {
      const before = told.filter((each) => each === 'started').length;
      rig.serve(1, [`10.244.0.${at / 10 + 1}`]);
      loop.request();
      await clock.advance(10);
      if (told.filter((each) => each === 'started').length > before) begun.push(at);
    }
    const pauses = begun.slice(1).map((at, index) => at - (begun[index] ?? 0));
    expect([Math.min(...pauses), Math.max(...pauses)]).toEqual([100, 100]);
    expect(synced.length).toBeGreaterThan(15);
  });

  it('says why a sync failed, tries again by itself, and says when it is well', async () => {
    const { rig, clock, told, failed, loop } = newLoop();
    rig.configure();
    rig.kernel.failure = new Error('no memory');
    loop.start();
    await clock.advance(10);
    expect([loop.failure, failed.at(-1)?.error]).toEqual(['no memory', 'no memory']);
    rig.kernel.failure = undefined;
    await clock.advance(60_000);
    expect([loop.failure, told.at(-1)]).toEqual([undefined, 'synced']);
    expect(rig.logs.join('')).toContain('sync failed; the kernel keeps what it has error="no memory"');
  });

  it('notices within two seconds that somebody else wrote, and repairs', async () => {
    const { rig, clock, loop } = newLoop();
    rig.configure();
    rig.serve(1, ['10.244.0.1']);
    loop.start();
    await clock.advance(500);
    rig.kernel.ports.clear();
    rig.kernel.changed = true;
    await clock.advance(2000);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
  });

  it('tries Service ports again that the kernel refused, without anybody asking', async () => {
    const { rig, clock, loop } = newLoop();
    rig.configure();
    rig.serve(1, ['10.244.0.1']);
    rig.kernel.refuse = () => 'EINVAL';
    loop.start();
    await clock.advance(1000);
    expect(rig.forwarded()).toEqual({});
    rig.kernel.refuse = () => undefined;
    await clock.advance(35_000);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
  });

  it('tries Service ports again that slots serve, once what they lacked is there, and not before', async () => {
    const { rig, clock, loop } = newLoop();
    rig.configure();
    rig.serve(1, ['10.244.0.1']);
    rig.serve(2, ['10.244.0.2']);
    loop.start();
    await clock.advance(1000);
    const id = 'default/web-1:/tcp/4';
    rig.kernel.fallbacks.set(id, { reason: 'no scheduler twos', askedBy: 'node' });
    const writes = rig.kernel.writes.length;
    await clock.advance(120_000);
    expect(rig.kernel.writes).toHaveLength(writes);
    rig.kernel.recovered.add(id);
    await clock.advance(35_000);
    expect([rig.kernel.fallbacks.size, rig.kernel.writes.slice(writes)]).toEqual([0, ['apply']]);
  });

  it('does not let new settings wait as long as those that failed', async () => {
    const { rig, clock, loop } = newLoop();
    rig.configure();
    rig.kernel.failure = new Error('no memory');
    loop.start();
    await clock.advance(300_000);
    // Right after an attempt the next one is a while away.
    const before = rig.kernel.writes.length;
    while (rig.kernel.writes.length === before) await clock.advance(100);
    rig.kernel.failure = undefined;
    const attempts = rig.kernel.writes.length;
    loop.request();
    await clock.advance(200);
    expect(rig.kernel.writes).toHaveLength(attempts);
    rig.configure({ masqueradeAll: true });
    loop.request();
    await clock.advance(200);
    expect(rig.kernel.node?.masqueradeAll).toBe(true);
  });

  it('tries refused settings of the node again by itself, more and more seldom, and new ones at once', async () => {
    const { rig, clock, loop } = newLoop();
    rig.configure();
    loop.start();
    await clock.advance(500);
    rig.kernel.refuseNode = ({ masqueradeAll }) => (masqueradeAll ? 'EINVAL' : undefined);
    rig.configure({ masqueradeAll: true });
    loop.request();
    await clock.advance(120_000);
    const attempts = rig.kernel.writes.filter((call) => call === 'setNode').length;
    expect(attempts).toBeGreaterThan(5);
    expect(attempts).toBeLessThan(14);
    expect(loop.failure).toBeUndefined();
    expect(rig.logs.join('')).toContain('the kernel refused the settings of this node; the last good ones stay in');
    expect(rig.logs.join('')).toContain('error=EINVAL');
    rig.configure({ nodePortAddresses: ['192.0.2.0/24'] });
    loop.request();
    await clock.advance(200);
    expect(rig.kernel.node?.nodePortAddresses).toEqual(['192.0.2.0/24']);
    expect(rig.logs.join('')).toContain('the settings of this node are in force again');
    const { length } = rig.kernel.writes;
    await clock.advance(120_000);
    expect(rig.kernel.writes).toHaveLength(length);
  });

  it('takes up refused settings once the kernel takes them, without anybody asking', async () => {
    const { rig, clock, loop } = newLoop();
    rig.configure();
    loop.start();
    await clock.advance(500);
    rig.kernel.refuseNode = () => 'ENOMEM';
    rig.configure({ masqueradeAll: true });
    loop.request();
    await clock.advance(500);
    rig.kernel.refuseNode = () => undefined;
    await clock.advance(5000);
    expect([rig.kernel.node?.masqueradeAll, rig.sync.refusedSetup]).toEqual([true, undefined]);
  });

  it('stops without touching the kernel', async () => {
    const { rig, clock, loop } = newLoop();
    rig.configure();
    rig.serve(1, ['10.244.0.1']);
    loop.start();
    await clock.advance(500);
    await loop.stop();
    const { writes } = rig.kernel;
    rig.serve(2, ['10.244.0.2']);
    loop.request();
    await clock.advance(60_000);
    expect(rig.kernel.writes).toEqual(writes);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
  });
});
