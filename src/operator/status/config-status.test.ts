import { describe, expect, test } from 'vitest';
import { conditionOf, revisionOf, withDefaults } from '../../api/index.ts';
import type {
  Condition,
  NodeAssignment,
  ProxyConfig,
  ProxyConfigStatus,
  ProxyNodeState,
  RolloutPhase,
} from '../../api/index.ts';
import type { CheckedConfig, ClusterNode } from '../cluster/index.ts';
import type { ConfigPlan, Share } from '../rollout/index.ts';
import { configStatus } from './config-status.ts';
import type { StatusInput } from './facts.ts';
import { reasons } from './reasons.ts';
import type { ConditionType } from './reasons.ts';
import { statusEvents } from './status-events.ts';

const config: ProxyConfig = { metadata: { name: 'default', generation: 3 }, spec: { masqueradeAll: true } };
const effective = withDefaults(config.spec);
const revision = revisionOf(effective);
const target: NodeAssignment = { configRef: { name: 'default', generation: 3 }, revision, config: effective };
const older: NodeAssignment = { ...target, revision: '0123456789' };
const nothing: Share = { won: [], selected: 0, unsupported: [], uncovered: [] };
const noon = new Date('2026-11-22T12:00:00.400Z');
const later = new Date('2026-11-22T12:05:00Z');

type Story = 'ready' | 'failing' | 'unreported' | 'not told' | 'behind' | 'degraded' | 'odd objects' | 'silent';

/** A node and what its ProxyNodeState says. */
function machine(name: string, story: Story, ready = true): { node: ClusterNode; state: ProxyNodeState | undefined } {
  const node = { name, uid: name, labels: {}, ready };
  if (story === 'not told') return { node, state: undefined };
  const state: ProxyNodeState = { metadata: { name, generation: 7 }, spec: target };
  const condition = (type: string, status: Condition['status'], reason: string, message: string): Condition => ({
    type,
    status,
    reason,
    message,
    observedGeneration: story === 'behind' ? 6 : 7,
    lastTransitionTime: '2026-11-22T11:00:00Z',
  });
  if (story === 'unreported') return { node, state };
  if (story === 'silent') {
    const silent = condition('Synced', 'Unknown', 'AgentSilent', 'nothing has been heard since noon');
    return { node, state: { ...state, status: { appliedRevision: revision, conditions: [silent] } } };
  }
  const fails = story === 'failing' || story === 'behind';
  const synced = fails
    ? condition('Synced', 'False', 'SyncFailing', `${name} cannot ${'x'.repeat(300)}`)
    : condition('Synced', 'True', 'UpToDate', 'fine');
  const odd = condition('Degraded', 'True', 'ObjectsWithProblems', 'Service default/web: UnknownAlgorithm: no fastest');
  const degraded = condition('Degraded', 'True', 'ServicePortsRefused', 'the kernel refuses one');
  const conditions = { degraded: [synced, degraded], 'odd objects': [synced, odd] }[story as string] ?? [synced];
  const status = { ...(!fails && { appliedRevision: revision }), objectsWithProblems: 3, conditions };
  return { node, state: { ...state, status } };
}

interface Said {
  readonly phase?: RolloutPhase;
  readonly share?: Share;
  readonly errors?: CheckedConfig['errors'];
  readonly failures?: ConfigPlan['failures'];
  readonly settled?: NodeAssignment;
  readonly agents?: StatusInput['agents'];
  readonly wouldLoseAgents?: readonly string[];
  readonly previous?: ProxyConfigStatus;
  readonly now?: Date;
}

const usually = { phase: 'Complete', errors: [], failures: [], wouldLoseAgents: [], now: noon } as const;

/** What is said of a config whose rollout has come to `phase`. */
function statusOf(machines: ReturnType<typeof machine>[], o: Said = {}): ProxyConfigStatus {
  const { phase, errors, failures, wouldLoseAgents, now } = { ...usually, ...o };
  const { agents, previous } = o;
  const states = new Map(machines.map(({ node, state }) => [node.name, state]));
  const startedAt = '2026-11-22T11:59:00.000Z';
  const plan: ConfigPlan = {
    checked: { config, errors },
    share: o.share ?? { ...nothing, won: machines.map(({ node }) => node), selected: machines.length },
    target: errors.length > 0 ? undefined : target,
    settled: o.settled ?? (phase === 'Complete' ? target : undefined),
    rollout: { phase, startedAt, lastProgressAt: startedAt },
    ...{ failures, tell: new Map() },
  };
  return configStatus({ plan, stateOf: ({ name }) => states.get(name), agents, wouldLoseAgents, previous, now });
}

/** `Ready=True/AllNodesSynced Degraded=…`, in the order of the status. */
function summary(status: ProxyConfigStatus): string {
  return (status.conditions ?? []).map(({ type, status: is, reason }) => `${type}=${is}/${reason}`).join(' ');
}

describe('a ProxyConfig says', () => {
  test.each<[string, ReturnType<typeof machine>[], Said, string]>([
    [
      'Ready when every node has it',
      [machine('a', 'ready'), machine('b', 'ready')],
      {},
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'CanaryInProgress while canaries try it, and while they soak',
      [machine('a', 'ready'), machine('b', 'not told')],
      { phase: 'Soaking' },
      'Accepted=True/Valid Reconciling=True/CanaryInProgress Degraded=False/AsExpected Ready=Unknown/CanaryInProgress',
    ],
    [
      'RollingOut while a node has not been told, though all others are ready',
      [machine('a', 'ready'), machine('b', 'not told')],
      { phase: 'Rolling' },
      'Accepted=True/Valid Reconciling=True/RollingOut Degraded=False/AsExpected Ready=Unknown/RollingOut',
    ],
    [
      'RolloutPaused, and that only a person will let it go on',
      [machine('a', 'ready'), machine('b', 'not told')],
      { phase: 'Paused' },
      'Accepted=True/Valid Stalled=True/RolloutPaused Degraded=False/AsExpected Ready=Unknown/RolloutPaused',
    ],
    [
      'RollingBack, and not yet that only a person can help',
      [machine('a', 'ready'), machine('b', 'failing')],
      { phase: 'RollingBack' },
      'Accepted=True/Valid Reconciling=True/RollingBack Degraded=True/RolloutFailed Ready=False/RolloutFailed',
    ],
    [
      'RolloutFailed, and that only a person can help, when nodes have gone back',
      [machine('a', 'not told')],
      { phase: 'RolledBack', failures: [{ name: 'a', reason: 'SyncFailing', message: 'no' }] },
      'Accepted=True/Valid Stalled=True/RolloutFailed Degraded=True/RolloutFailed Ready=False/RolloutFailed',
    ],
    [
      'ProgressDeadlineExceeded when nodes were silent',
      [machine('a', 'unreported')],
      { phase: 'Failed', failures: [{ name: 'a', reason: 'ProgressDeadlineExceeded', message: 'no' }] },
      'Accepted=True/Valid Stalled=True/ProgressDeadlineExceeded Degraded=True/RolloutFailed Ready=False/RolloutFailed',
    ],
    [
      'NodeJoining while the agent of a new node has not answered, or only about what it was told before',
      [machine('a', 'unreported'), machine('b', 'behind')],
      {},
      'Accepted=True/Valid Reconciling=True/NodeJoining Degraded=False/AsExpected Ready=Unknown/NodeJoining',
    ],
    [
      'NodesFailing when a new node has not answered for too long',
      [machine('a', 'unreported')],
      { now: new Date('2026-11-22T12:30:00Z') },
      'Accepted=True/Valid Degraded=True/NodesFailing Ready=False/NodesFailing',
    ],
    [
      'NodesFailing when all have answered and one cannot',
      [machine('a', 'ready'), machine('b', 'failing')],
      {},
      'Accepted=True/Valid Degraded=True/NodesFailing Ready=False/NodesFailing',
    ],
    [
      'NodesSilent when nothing is heard of an agent any more',
      [machine('a', 'ready'), machine('b', 'silent')],
      {},
      'Accepted=True/Valid Degraded=True/NodesSilent Ready=False/NodesSilent',
    ],
    [
      'NodesSilent, not that a node joins, when there are both',
      [machine('a', 'unreported'), machine('b', 'silent')],
      {},
      'Accepted=True/Valid Degraded=True/NodesSilent Ready=False/NodesSilent',
    ],
    [
      'RollingOut while others go on, and that an agent is silent',
      [machine('a', 'ready'), machine('b', 'silent')],
      { phase: 'Rolling' },
      'Accepted=True/Valid Reconciling=True/RollingOut Degraded=True/NodesSilent Ready=Unknown/RollingOut',
    ],
    [
      'nothing about the agent of a node that is NotReady',
      [machine('a', 'ready'), machine('b', 'silent', false)],
      {},
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'Ready without the node that is NotReady',
      [machine('a', 'ready'), machine('b', 'unreported', false), machine('c', 'failing', false)],
      {},
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'WaitingForNodes when no node can be asked',
      [machine('a', 'unreported', false)],
      {},
      'Accepted=True/Valid Reconciling=True/WaitingForNodes Degraded=False/AsExpected Ready=Unknown/WaitingForNodes',
    ],
    [
      'NoMatchingNode when it selects none',
      [],
      {},
      'Accepted=True/Valid Stalled=True/NoMatchingNode Degraded=False/AsExpected Ready=False/NoMatchingNode',
    ],
    [
      'Shadowed when it wins none of those it selects',
      [],
      { share: { ...nothing, selected: 4 } },
      'Accepted=False/Shadowed Stalled=True/Shadowed Degraded=False/AsExpected Ready=False/Shadowed',
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
      'Accepted=True/Valid Stalled=True/NoMatchingNode Degraded=True/NodesUncovered Ready=False/NoMatchingNode',
    ],
    [
      'AgentsWouldGo when where agents are to run would take them from too many of its nodes',
      [machine('a', 'ready'), machine('b', 'ready')],
      { wouldLoseAgents: ['a', 'b'] },
      'Accepted=True/Valid Stalled=True/AgentsWouldGo Degraded=False/AsExpected Ready=False/AgentsWouldGo',
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
      'NodesDegraded when a node works but has something to report of itself',
      [machine('a', 'odd objects'), machine('b', 'degraded')],
      {},
      'Accepted=True/Valid Degraded=True/NodesDegraded Ready=True/AllNodesSynced',
    ],
    [
      'ObjectsWithProblems when all that nodes report is about Services',
      [machine('a', 'odd objects'), machine('b', 'odd objects')],
      {},
      'Accepted=True/Valid Degraded=True/ObjectsWithProblems Ready=True/AllNodesSynced',
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
    machine('c', 'unreported'),
    machine('d', 'unreported', false),
    machine('e', 'silent'),
  ];
  const status = statusOf(machines, { phase: 'Rolling' });
  expect(status.nodes).toEqual({
    matching: 5,
    updated: 5,
    ready: 1,
    failed: 1,
    pending: 1,
    silent: 1,
    ignored: 1,
    uncovered: 0,
  });
  expect(conditionOf(status.conditions, 'Ready')?.message).toBe(
    `1/4 nodes have revision ${revision}, 1 failing, 1 silent, 1 pending (1 more ignored because NotReady)`,
  );
});

test('objects with problems are counted once, however many nodes see them, and the first is named', () => {
  const { conditions } = statusOf([machine('b', 'odd objects'), machine('a', 'odd objects')]);
  expect(conditionOf(conditions, 'Degraded')?.message).toBe(
    '3 objects, for example Service default/web: UnknownAlgorithm: no fastest',
  );
});

test('a status stays small: at most 16 failed nodes with messages of at most 256 characters', () => {
  const names = Array.from({ length: 40 }, (_, index) => `node-${String(index).padStart(2, '0')}`);
  const { failedNodes, conditions } = statusOf(names.map((name) => machine(name, 'failing')));
  expect(failedNodes?.map(({ name }) => name)).toEqual(names.slice(0, 16));
  expect(failedNodes?.[0]?.message).toHaveLength(256);
  expect(conditionOf(conditions, 'Degraded')?.message).toContain('40 of 40 nodes failing, for example node-00');
});

test('nodes that are silent, waited for or uncovered are named with the reason, at most 16 of each sort', () => {
  const names = Array.from({ length: 17 }, (_, index) => `node-${String(index).padStart(2, '0')}`);
  const { uncoveredNodes } = statusOf([], { share: { ...nothing, uncovered: names } });
  expect(uncoveredNodes?.map(({ name }) => name)).toEqual(names.slice(0, 16));
  const status = statusOf([
    machine('z', 'ready'),
    ...names.map((name) => machine(name, 'silent')),
    machine('c', 'behind'),
    machine('b', 'not told'),
    machine('a', 'unreported'),
  ]);
  expect(status.silentNodes?.map(({ name }) => name)).toEqual(names.slice(0, 16));
  expect(status.silentNodes?.[0]).toMatchObject({
    reason: 'AgentSilent',
    message: 'nothing has been heard since noon',
  });
  expect(status.pendingNodes?.map(({ name, reason }) => `${name} ${reason}`)).toEqual([
    'a NodeJoining',
    'b WaitingForTurn',
    'c ApplyingRevision',
  ]);
  expect(uncoveredNodes?.[0]?.reason).toBe('NoGoverningConfig');
});

test.each<[string, ReturnType<typeof machine>[]]>([
  ['a node fails', [machine('a', 'ready'), machine('b', 'failing')]],
  ['an agent is silent', [machine('a', 'ready'), machine('b', 'silent')]],
  ['no node is Ready', [machine('a', 'unreported', false)]],
])('when %s for longer than the deadline, only a person can help', (_story, machines) => {
  const at = (minutes: number) => new Date(noon.getTime() + minutes * 60_000);
  const stalled = (status: ProxyConfigStatus) => conditionOf(status.conditions, 'Stalled');
  const first = statusOf(machines);
  const waiting = statusOf(machines, { previous: first, now: at(9) });
  expect(stalled(waiting)).toBeUndefined();
  const late = statusOf(machines, { previous: waiting, now: at(11) });
  expect(stalled(late)).toMatchObject({ status: 'True', reason: 'ProgressDeadlineExceeded' });
  expect(conditionOf(late.conditions, 'Reconciling')).toBeUndefined();
  // It is over when it is over.
  const mended = statusOf([machine('a', 'ready'), machine('b', 'ready')], { previous: late, now: at(12) });
  expect(stalled(mended)).toBeUndefined();
  expect(conditionOf(mended.conditions, 'Ready')?.status).toBe('True');
});

test('nodes that are uncovered or can run no agent are named, at most 16 of them', () => {
  const names = Array.from({ length: 18 }, (_, index) => `node-${String(index).padStart(2, '0')}`);
  const { conditions, nodes } = statusOf([], { share: { ...nothing, uncovered: names, unsupported: ['win-1'] } });
  expect(nodes?.uncovered).toBe(18);
  expect(conditionOf(conditions, 'Degraded')?.message).toMatch(/node-00, .*, node-15 and 2 more$/);
  expect(conditionOf(conditions, 'Accepted')?.message).toContain(
    'no agent runs there (their system, taints or labels): win-1',
  );
});

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
