import { expect, test } from 'vitest';
import { conditionOf } from '../../api/index.ts';
import type { ProxyConfigStatus } from '../../api/index.ts';
import { machine, noon, nothing, revision, statusOf } from './testing/index.ts';

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

test('nodes whose Services go through a proxy are counted, the first is named with what it says', () => {
  const { conditions } = statusOf([machine('c', 'proxied'), machine('b', 'proxied'), machine('a', 'ready')]);
  expect(conditionOf(conditions, 'ClientAddressesHidden')?.message).toBe(
    'b: 4 Service ports go through the proxy (and 1 more nodes)',
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
