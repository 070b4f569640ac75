import { describe, expect, test } from 'vitest';
import { conditionOf, revisionOf, withDefaults } from '../../api/index.ts';
import type { Condition, ProxyConfig, ProxyConfigStatus, ProxyNodeState } from '../../api/index.ts';
import { configStatus } from './config-status.ts';
import type { StatusInput } from './config-status.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { nodeStateFor } from '../rollout/index.ts';
import type { Share } from '../rollout/index.ts';
import { reasons } from './reasons.ts';
import type { ConditionType } from './reasons.ts';
import { statusEvents } from './status-events.ts';

const config: ProxyConfig = { metadata: { name: 'default', generation: 3 }, spec: { masqueradeAll: true } };
const revision = revisionOf(withDefaults(config.spec));
const nothing: Share = { won: [], selected: 0, unsupported: [], uncovered: [] };
const noon = new Date('2026-11-22T12:00:00.400Z');
const later = new Date('2026-11-22T12:05:00Z');

type Story = 'ready' | 'failing' | 'silent' | 'not told' | 'behind' | 'degraded';

/** A node and what its ProxyNodeState says. */
function machine(name: string, story: Story, ready = true): { node: ClusterNode; state: ProxyNodeState | undefined } {
  const node = { name, uid: name, labels: {}, ready };
  if (story === 'not told') return { node, state: undefined };
  const state: ProxyNodeState = { ...nodeStateFor(config, node), metadata: { name, generation: 7 } };
  const condition = (type: string, status: Condition['status'], reason: string, message: string): Condition => ({
    type,
    status,
    reason,
    message,
    observedGeneration: story === 'behind' ? 6 : 7,
    lastTransitionTime: '2026-11-22T11:00:00Z',
  });
  if (story === 'silent') return { node, state };
  const fails = story === 'failing' || story === 'behind';
  const synced = fails
    ? condition('Synced', 'False', 'SyncFailing', `${name} cannot ${'x'.repeat(300)}`)
    : condition('Synced', 'True', 'UpToDate', 'fine');
  const degraded = condition('Degraded', 'True', 'ObjectsWithProblems', 'a Service is odd');
  const conditions = story === 'degraded' ? [synced, degraded] : [synced];
  return { node, state: { ...state, status: { ...(!fails && { appliedRevision: revision }), conditions } } };
}

function statusOf(machines: ReturnType<typeof machine>[], o: Partial<StatusInput> = {}): ProxyConfigStatus {
  const states = new Map(machines.map(({ node, state }) => [node.name, state]));
  return configStatus({
    config,
    errors: [],
    share: { ...nothing, won: machines.map(({ node }) => node), selected: machines.length },
    stateOf: (name) => states.get(name),
    agents: undefined,
    previous: undefined,
    now: noon,
    ...o,
  });
}

/** `Ready=True/AllNodesSynced Degraded=…`, in the order of the status. */
function summary(status: ProxyConfigStatus): string {
  return (status.conditions ?? []).map(({ type, status: is, reason }) => `${type}=${is}/${reason}`).join(' ');
}

describe('a ProxyConfig says', () => {
  test.each<[string, ReturnType<typeof machine>[], Partial<StatusInput>, string]>([
    [
      'Ready when every node has it',
      [machine('a', 'ready'), machine('b', 'ready')],
      {},
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'RollingOut while a node has not been told',
      [machine('a', 'ready'), machine('b', 'not told')],
      {},
      'Accepted=True/Valid Reconciling=True/RollingOut Degraded=False/AsExpected Ready=Unknown/RollingOut',
    ],
    [
      'RollingOut while an agent has not answered, or only about what it was told before',
      [machine('a', 'silent'), machine('b', 'behind')],
      {},
      'Accepted=True/Valid Reconciling=True/RollingOut Degraded=False/AsExpected Ready=Unknown/RollingOut',
    ],
    [
      'NodesFailing when all have answered and one cannot',
      [machine('a', 'ready'), machine('b', 'failing')],
      {},
      'Accepted=True/Valid Degraded=True/NodesFailing Ready=False/NodesFailing',
    ],
    [
      'Ready without the node that is NotReady',
      [machine('a', 'ready'), machine('b', 'silent', false), machine('c', 'failing', false)],
      {},
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'WaitingForNodes when no node can be asked',
      [machine('a', 'silent', false)],
      {},
      'Accepted=True/Valid Reconciling=True/WaitingForNodes Degraded=False/AsExpected Ready=Unknown/WaitingForNodes',
    ],
    [
      'NoMatchingNode when it selects none',
      [],
      {},
      'Accepted=True/Valid Degraded=False/AsExpected Ready=False/NoMatchingNode',
    ],
    [
      'Shadowed when it wins none of those it selects',
      [],
      { share: { ...nothing, selected: 4 } },
      'Accepted=False/Shadowed Degraded=False/AsExpected Ready=False/Shadowed',
    ],
    [
      'InvalidSpec, and that only a person can help',
      [machine('a', 'ready')],
      { errors: [{ path: 'spec.mode', message: 'must be one of nftables' }] },
      'Accepted=False/InvalidSpec Stalled=True/InvalidSpec Degraded=False/AsExpected Ready=False/InvalidSpec',
    ],
    [
      'NodesUncovered when nodes that had it are selected by nobody any more',
      [],
      { share: { ...nothing, uncovered: ['b', 'a'] } },
      'Accepted=True/Valid Degraded=True/NodesUncovered Ready=False/NoMatchingNode',
    ],
    [
      'AgentNotRunning when agents have been missing for a while',
      [machine('a', 'ready')],
      { agents: { desired: 2, ready: 1, shortForSeconds: 31 } },
      'Accepted=True/Valid Degraded=True/AgentNotRunning Ready=True/AllNodesSynced',
    ],
    [
      'nothing about agents that are just being replaced',
      [machine('a', 'ready')],
      { agents: { desired: 2, ready: 1, shortForSeconds: 5 } },
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'NodesDegraded when a node works but has something to report',
      [machine('a', 'degraded')],
      {},
      'Accepted=True/Valid Degraded=True/NodesDegraded Ready=True/AllNodesSynced',
    ],
  ])('%s', (_story, machines, input, expected) => {
    const status = statusOf(machines, input);
    expect(summary(status)).toBe(expected);
    for (const condition of status.conditions ?? []) {
      expect(condition.observedGeneration).toBe(3);
      // `as`: the lists are keyed by exactly these types.
      expect(reasons[condition.type as ConditionType]).toContain(condition.reason);
    }
  });
});

test('messages count nodes as people do', () => {
  const machines = [
    machine('a', 'ready'),
    machine('b', 'failing'),
    machine('c', 'silent'),
    machine('d', 'silent', false),
  ];
  const status = statusOf(machines);
  expect(status.nodes).toEqual({ matching: 4, updated: 4, ready: 1, failed: 1, pending: 1, ignored: 1, uncovered: 0 });
  expect(conditionOf(status.conditions, 'Ready')?.message).toBe(
    `1/3 nodes have revision ${revision}, 1 failing, 1 pending (1 more ignored because NotReady)`,
  );
});

test('a status stays small: at most 16 failed nodes with messages of at most 256 characters', () => {
  const names = Array.from({ length: 40 }, (_, index) => `node-${String(index).padStart(2, '0')}`);
  const { failedNodes, conditions } = statusOf(names.map((name) => machine(name, 'failing')));
  expect(failedNodes?.map(({ name }) => name)).toEqual(names.slice(0, 16));
  expect(failedNodes?.[0]?.message).toHaveLength(256);
  expect(conditionOf(conditions, 'Degraded')?.message).toContain('40 of 40 nodes failing, for example node-00');
});

test('nodes that are uncovered or can run no agent are named, at most 16 of them', () => {
  const names = Array.from({ length: 18 }, (_, index) => `node-${String(index).padStart(2, '0')}`);
  const { conditions, nodes } = statusOf([], { share: { ...nothing, uncovered: names, unsupported: ['win-1'] } });
  expect(nodes?.uncovered).toBe(18);
  expect(conditionOf(conditions, 'Degraded')?.message).toMatch(/node-00, .*, node-15 and 2 more$/);
  expect(conditionOf(conditions, 'Accepted')?.message).toContain('no agent runs on their system: win-1');
});

test('the time of a condition moves only when its status does', () => {
  const first = statusOf([machine('a', 'silent')]);
  const time = (status: ProxyConfigStatus, type: string) => conditionOf(status.conditions, type)?.lastTransitionTime;
  expect(time(first, 'Ready')).toBe('2026-11-22T12:00:00Z');
  expect(statusOf([machine('a', 'silent')], { previous: first, now: later })).toEqual(first);
  const second = statusOf([machine('a', 'ready')], { previous: first, now: later });
  expect(time(second, 'Ready')).toBe('2026-11-22T12:05:00Z');
  expect(time(second, 'Accepted')).toBe('2026-11-22T12:00:00Z');
});

test('currentRevision is what all nodes had last, also while another one is on its way or the spec is invalid', () => {
  const first = statusOf([machine('a', 'ready')]);
  expect(first).toMatchObject({ currentRevision: revision, updateRevision: revision });
  const changed = { ...config, spec: { masqueradeAll: false }, metadata: { name: 'default', generation: 4 } };
  const second = statusOf([machine('a', 'ready')], { previous: first, config: changed });
  expect(second.currentRevision).toBe(revision);
  expect(second.updateRevision).not.toBe(revision);
  expect(second.nodes).toMatchObject({ updated: 0, pending: 1 });
  const third = statusOf([machine('a', 'ready')], { previous: first, errors: [{ path: 'spec', message: 'wrong' }] });
  expect(third).toMatchObject({ observedGeneration: 3, currentRevision: revision });
  expect(third.updateRevision).toBeUndefined();
});

test('Events are about transitions, not about states', () => {
  const shadowed = statusOf([], { share: { ...nothing, selected: 1 } });
  const rolling = statusOf([machine('a', 'silent')]);
  const failing = statusOf([machine('a', 'failing')], { previous: rolling });
  const done = statusOf([machine('a', 'ready')], { previous: failing });
  const between = (before: ProxyConfigStatus | undefined, after: ProxyConfigStatus) =>
    statusEvents(before, after).map(({ reason }) => reason);
  const invalid = statusOf([], { errors: [{ path: 'spec.mode', message: 'wrong' }] });
  expect(between(undefined, invalid)).toEqual(['InvalidSpec']);
  expect(between(invalid, invalid)).toEqual([]);
  const uncovered = statusOf([], { share: { ...nothing, uncovered: ['a'] } });
  expect(between(undefined, uncovered)).toEqual(['NodesUncovered']);
  expect(between(uncovered, uncovered)).toEqual([]);
  expect(between(undefined, shadowed)).toEqual(['ConfigShadowed']);
  expect(between(shadowed, shadowed)).toEqual([]);
  expect(between(undefined, rolling)).toEqual([]);
  expect(between(rolling, failing)).toEqual(['NodeSyncFailed']);
  expect(between(failing, failing)).toEqual([]);
  expect(between(failing, done)).toEqual(['RolloutComplete']);
  expect(between(done, done)).toEqual([]);
});
