import { describe, expect, test } from 'vitest';
import { ProxyHealth } from './health.ts';
import { ManualClock } from '../../runtime/testing/index.ts';

function rig() {
  const clock = new ManualClock();
  return { clock, health: new ProxyHealth({ clock, timeoutMilliseconds: 60_000, families: [4, 6] }) };
}

describe('health of the proxy', () => {
  test('is good while starting and while nothing happens', async () => {
    const { clock, health } = rig();
    await clock.advance(3_600_000);
    expect(health.healthy).toBe(true);
    expect(health.report().lastUpdated).toBeUndefined();
  });

  test('turns bad when an update has waited for the time-out, and good again when it is applied', async () => {
    const { clock, health } = rig();
    health.synced(4);
    health.synced(6);
    health.queuedUpdate(4);
    await clock.advance(59_999);
    expect(health.healthy).toBe(true);
    await clock.advance(1);
    expect(health.healthy).toBe(false);
    const { families } = health.report();
    expect([families.get(4)?.healthy, families.get(6)?.healthy]).toEqual([false, true]);
    health.synced(4);
    expect(health.healthy).toBe(true);
  });

  test('goes by the oldest waiting update, however many follow', async () => {
    const { clock, health } = rig();
    for (let n = 0; n < 7; n++) {
      health.queuedUpdate(4);
      await clock.advance(10_000);
    }
    expect(health.healthy).toBe(false);
  });

  test('minds a first sync that fails although nothing was queued', async () => {
    const { clock, health } = rig();
    health.syncStarted(6);
    health.failed(6, 'operation not permitted');
    expect(health.healthy).toBe(true);
    await clock.advance(60_000);
    expect(health.healthy).toBe(false);
    expect(health.report().families.get(6)?.error).toBe('operation not permitted');
  });

  test('does not start the clock anew with each failing retry', async () => {
    const { clock, health } = rig();
    health.queuedUpdate(4);
    for (let n = 0; n < 6; n++) {
      health.syncStarted(4);
      await clock.advance(10_000);
      health.failed(4, 'no');
    }
    expect(health.healthy).toBe(false);
    health.syncStarted(4);
    expect(health.healthy).toBe(false);
    health.synced(4);
    expect(health.healthy).toBe(true);
    expect(health.report().families.get(4)?.error).toBeUndefined();
  });

  test('an update queued during a sync is not settled by that sync', async () => {
    const { clock, health } = rig();
    health.queuedUpdate(4);
    health.syncStarted(4);
    await clock.advance(1000);
    health.queuedUpdate(4);
    health.synced(4);
    await clock.advance(59_999);
    expect(health.healthy).toBe(true);
    await clock.advance(1);
    expect(health.healthy).toBe(false);
  });

  test('nor by one that found nothing to do when it started', async () => {
    const { clock, health } = rig();
    health.syncStarted(4);
    health.queuedUpdate(4);
    health.synced(4);
    await clock.advance(60_000);
    expect(health.healthy).toBe(false);
  });

  test('a sync that hangs counts like one that fails', async () => {
    const { clock, health } = rig();
    health.queuedUpdate(4);
    health.syncStarted(4);
    await clock.advance(60_000);
    expect(health.healthy).toBe(false);
  });

  test('a sync that never ends hangs; one that fails again and again does not, for no restart would help it', async () => {
    const { clock, health } = rig();
    for (let n = 0; n < 60; n++) {
      health.syncStarted(4);
      await clock.advance(10_000);
      health.failed(4, 'no');
    }
    expect([health.healthy, health.hangs]).toEqual([false, false]);
    health.syncStarted(4);
    await clock.advance(299_999);
    expect(health.hangs).toBe(false);
    await clock.advance(1);
    expect(health.hangs).toBe(true);
    health.synced(4);
    expect(health.hangs).toBe(false);
  });

  test('a failing update keeps its age when others are queued behind it', async () => {
    const { clock, health } = rig();
    health.queuedUpdate(4);
    health.syncStarted(4);
    await clock.advance(50_000);
    health.queuedUpdate(4);
    health.failed(4, 'no');
    await clock.advance(10_000);
    expect(health.healthy).toBe(false);
  });
});

test('a node that is no longer eligible for traffic keeps up all the same, and may become eligible again', () => {
  const { health } = rig();
  expect(health.report().nodeEligible).toBe(true);
  health.setNodeEligible(false);
  expect(health.report().nodeEligible).toBe(false);
  expect(health.healthy).toBe(true);
  health.setNodeEligible(true);
  expect(health.report().nodeEligible).toBe(true);
});
