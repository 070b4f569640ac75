import { expect, test } from 'vitest';
import { ManualClock } from '../../runtime/testing/index.ts';
import { agentName, AgentShortage } from './agent-daemon-set.ts';
import type { AgentDaemonSet } from './agent-daemon-set.ts';

const daemonSet = (numberReady: number): AgentDaemonSet => ({
  metadata: { name: agentName },
  status: { observedGeneration: 1, desiredNumberScheduled: 3, numberReady },
});

test('agents that are missing are counted from when the first one was', async () => {
  const clock = new ManualClock();
  const shortage = new AgentShortage(clock);
  shortage.note(daemonSet(3));
  expect(shortage.counts(daemonSet(3))).toEqual({ desired: 3, ready: 3, shortForSeconds: 0 });
  shortage.note(daemonSet(2));
  await clock.advance(20_000);
  shortage.note(daemonSet(1));
  await clock.advance(15_000);
  expect(shortage.counts(daemonSet(1))).toEqual({ desired: 3, ready: 1, shortForSeconds: 35 });
  shortage.note(daemonSet(3));
  expect(shortage.counts(daemonSet(3))?.shortForSeconds).toBe(0);
});

test('nothing is known of agents before the DaemonSet controller has looked', () => {
  const shortage = new AgentShortage(new ManualClock());
  expect(shortage.counts(undefined)).toBeUndefined();
  expect(shortage.counts({ metadata: { name: agentName }, status: {} })).toBeUndefined();
});
