import { expect, test } from 'vitest';
import { conditionOf } from '../../api/index.ts';
import type { ProxyConfigStatus } from '../../api/index.ts';
import { statusEvents } from './status-events.ts';
import { effective, later, machine, nothing, older, revision, statusOf, target } from './testing/index.ts';

test('the time of a condition moves only when its status does', () => {
  const first = statusOf([machine('a', 'unreported')]);
  const time = (status: ProxyConfigStatus, type: string) => conditionOf(status.conditions, type)?.lastTransitionTime;
  expect(time(first, 'Ready')).toBe('2026-11-22T12:00:00Z');
  expect(statusOf([machine('a', 'unreported')], { previous: first, now: later })).toEqual(first);
  const second = statusOf([machine('a', 'ready')], { previous: first, now: later });
  expect(time(second, 'Ready')).toBe('2026-11-22T12:05:00Z');
  expect(time(second, 'Accepted')).toBe('2026-11-22T12:00:00Z');
});

test('what was rolled out last stays while something else is on its way, and while the spec is invalid', () => {
  const rolling = statusOf([machine('a', 'ready')], { phase: 'Rolling', settled: older });
  expect(rolling).toMatchObject({
    currentRevision: older.revision,
    currentConfig: effective,
    updateRevision: revision,
  });
  const invalid = statusOf([machine('a', 'ready')], { errors: [{ path: 'spec', message: 'wrong' }], settled: older });
  expect(invalid).toMatchObject({ observedGeneration: 3, currentRevision: older.revision });
  expect(invalid.updateRevision).toBeUndefined();
});

test('of a rollout that was stopped the status says which revision, where, why and what to do, also afterwards', () => {
  const failures = [{ name: 'a', reason: 'SyncFailing', message: 'the kernel refuses it' }];
  const back = machine('a', 'not told');
  const stopping = statusOf([back], { phase: 'RollingBack', settled: older, failures });
  const after = statusOf([back], { phase: 'RolledBack', settled: older, previous: stopping });
  expect(after.failedNodes).toEqual(failures);
  expect(conditionOf(after.conditions, 'Stalled')?.message).toBe(
    `revision ${revision} failed on 1 nodes, first a (SyncFailing: the kernel refuses it); nodes have gone back to ` +
      `revision 0123456789 or what they had before. Edit the spec to try again`,
  );
});

test('when only the agents were others, the status does not ask for an edit of the settings', () => {
  const failures = [{ name: 'a', reason: 'AgentNotRunning', message: 'CrashLoopBackOff' }];
  const settled = { ...target, revision: older.revision, agentRevision: 'fedcba9876' };
  const back = statusOf([machine('a', 'not told')], { phase: 'RolledBack', settled, failures });
  expect(conditionOf(back.conditions, 'Stalled')?.message).toContain('run the operator with another image');
});

test('of agents that would go the status says from which nodes, why they stay, and what to do', () => {
  const status = statusOf([machine('a', 'ready'), machine('b', 'ready')], { wouldLoseAgents: ['a', 'b'] });
  expect(conditionOf(status.conditions, 'Stalled')?.message).toBe(
    'where agents run stays as it is: 2 nodes would lose theirs (a, b), which is all of them or more than ' +
      "rollout.maxUnavailable (10%). Mend spec.agent.tolerations of the ProxyConfigs or the operator's " +
      '--agent-node-selector, or take agents away in smaller steps',
  );
});

test('Events are about transitions, not about states', () => {
  const shadowed = statusOf([], { phase: 'Canary', share: { ...nothing, selected: 1 } });
  const trying = statusOf([machine('a', 'unreported')], { phase: 'Canary', settled: older });
  const soaking = statusOf([machine('a', 'ready')], { phase: 'Soaking', settled: older, previous: trying });
  const failing = statusOf([machine('a', 'failing')], { phase: 'RollingBack', settled: older, previous: trying });
  const back = statusOf([machine('a', 'not told')], { phase: 'RolledBack', settled: older, previous: failing });
  const done = statusOf([machine('a', 'ready')], { previous: soaking });
  const joining = statusOf([machine('a', 'failing')], { previous: done });
  const between = (before: ProxyConfigStatus | undefined, after: ProxyConfigStatus) =>
    statusEvents(before, after).map(({ reason }) => reason);
  expect(between(undefined, trying)).toEqual(['RolloutStarted']);
  expect(between(trying, soaking)).toEqual([]);
  expect(between(trying, failing)).toEqual(['RolloutFailed', 'NodeSyncFailed']);
  expect(between(failing, back)).toEqual(['RolledBack']);
  expect(between(back, back)).toEqual([]);
  expect(between(soaking, done)).toEqual(['CanaryPassed', 'RolloutComplete']);
  expect(between(done, done)).toEqual([]);
  expect(between(done, trying)).toEqual(['RolloutStarted']);
  expect(between(done, joining)).toEqual(['NodeSyncFailed']);
  const invalid = statusOf([], { errors: [{ path: 'spec.mode', message: 'wrong' }] });
  expect(between(done, invalid)).toEqual(['InvalidSpec']);
  expect(between(invalid, invalid)).toEqual([]);
  const unknown = statusOf([machine('a', 'ready')], { previous: done, unknownFields: ['spec.hoverboard'] });
  expect(statusEvents(done, unknown)).toMatchObject([
    { type: 'Warning', reason: 'UnknownFields', message: expect.stringContaining('spec.hoverboard') as string },
  ]);
  expect(between(unknown, unknown)).toEqual([]);
  const silent = statusOf([machine('a', 'silent')], { previous: done });
  expect(between(done, silent)).toEqual(['NodesSilent']);
  expect(between(silent, silent)).toEqual([]);
  const narrow = statusOf([machine('a', 'ready')], { previous: done, wouldLoseAgents: ['a'] });
  expect(between(done, narrow)).toEqual(['AgentsWouldGo']);
  expect(between(narrow, narrow)).toEqual([]);
  const uncovered = statusOf([], { share: { ...nothing, uncovered: ['a'] } });
  expect(between(done, uncovered)).toEqual(['NodesUncovered']);
  expect(between(uncovered, uncovered)).toEqual([]);
  expect(between(undefined, shadowed)).toContain('ConfigShadowed');
  expect(between(shadowed, shadowed)).toEqual([]);
});
