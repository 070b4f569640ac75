import { beforeEach, describe, expect, test } from 'vitest';
import { conditionOf } from '../../api/index.ts';
import type { ProxyConfigSpec } from '../../api/index.ts';
import { ModelCluster } from './testing/index.ts';
import type { Behaviour } from './testing/index.ts';

const rollout = {
  canary: { nodes: 1, soakSeconds: 60 },
  maxUnavailable: 2,
  maxFailed: 2,
  progressDeadlineSeconds: 120,
} as const;
const bad: ProxyConfigSpec = { rollout, masqueradeAll: true };

let cluster: ModelCluster;
/** How agents take what they are told. */
let behaviours: Record<string, Behaviour>;

/** Seconds pass; agents report, then the operator decides. */
function pass(seconds: number): void {
  for (let past = 0; past < seconds; past += 10) {
    for (const [name, { ready }] of cluster.nodes) {
      const { masqueradeAll } = cluster.states.get(name)?.spec.config ?? {};
      if (ready) cluster.report(name, masqueradeAll ? (behaviours[name] ?? 'works') : 'works');
    }
    cluster.now += 10_000;
    cluster.operate();
  }
}

const told = () => [...cluster.states].filter(([, { spec }]) => spec.config.masqueradeAll).map(([name]) => name);
const status = (name = 'default') => cluster.configs.get(name)?.status;
const condition = (type: string, name?: string) => {
  const found = conditionOf(status(name)?.conditions, type);
  return found && `${found.status} ${found.reason}`;
};

beforeEach(() => {
  cluster = new ModelCluster();
  behaviours = {};
  for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.join(name);
  cluster.apply('default', { rollout });
  pass(200);
  expect(status()?.rollout?.phase).toBe('Complete');
});

describe('a change', () => {
  test('is tried on a canary, which soaks, then goes to two nodes at a time', () => {
    cluster.apply('default', bad);
    cluster.operate();
    expect(told()).toEqual(['a']);
    expect(condition('Ready')).toBe('Unknown CanaryInProgress');
    pass(60);
    expect([told(), status()?.rollout?.phase]).toEqual([['a'], 'Soaking']);
    pass(10);
    expect(told()).toEqual(['a', 'b', 'c']);
    expect(condition('Reconciling')).toBe('True RollingOut');
    pass(10);
    expect(told()).toEqual(['a', 'b', 'c', 'd', 'e']);
    pass(10);
    expect(condition('Ready')).toBe('True AllNodesSynced');
    expect(condition('Reconciling')).toBeUndefined();
    expect(status()?.currentRevision).toBe(status()?.updateRevision);
  });

  test('that fails on the canary hits nobody else, goes back, and waits for an edit', () => {
    behaviours = { a: 'fails' };
    const before = status()?.currentRevision;
    cluster.apply('default', bad);
    pass(600);
    expect(told()).toEqual([]);
    expect(cluster.states.get('a')?.spec.revision).toBe(before);
    expect([condition('Ready'), condition('Stalled')]).toEqual(['False RolloutFailed', 'True RolloutFailed']);
    expect(status()).toMatchObject({ currentRevision: before, failedNodes: [{ name: 'a', reason: 'SyncFailing' }] });
    behaviours = {};
    pass(600);
    expect(told()).toEqual([]);
    cluster.apply('default', { ...bad, priority: 1 });
    pass(200);
    expect(condition('Ready')).toBe('True AllNodesSynced');
  });

  test('of which nobody hears any more counts as failed after the deadline, also when the Node went NotReady', () => {
    behaviours = { a: 'silent' };
    cluster.apply('default', bad);
    cluster.operate();
    cluster.change('a', { ready: false });
    pass(180);
    expect([told(), status()?.rollout?.phase]).toEqual([['a'], 'Canary']);
    pass(30);
    expect(told()).toEqual([]);
    expect(condition('Stalled')).toBe('True ProgressDeadlineExceeded');
    expect(status()?.failedNodes).toMatchObject([{ name: 'a', reason: 'NodeNotReady' }]);
  });

  test('is not late for an operator that was away for longer than the deadline: it waits a minute for those who were, too', () => {
    behaviours = { a: 'silent' };
    cluster.apply('default', bad);
    cluster.operate();
    cluster.now += 3_600_000;
    cluster.since = cluster.now;
    pass(50);
    expect([told(), status()?.rollout?.phase]).toEqual([['a'], 'Canary']);
    behaviours = {};
    pass(200);
    expect(condition('Ready')).toBe('True AllNodesSynced');
  });

  test('is late after that minute, however long the operator was away', () => {
    behaviours = { a: 'silent' };
    cluster.apply('default', bad);
    cluster.operate();
    cluster.now += 3_600_000;
    cluster.since = cluster.now;
    pass(80);
    expect(condition('Stalled')).toBe('True ProgressDeadlineExceeded');
  });

  test('may fail on fewer nodes than maxFailed after the canary, and says so at its end', () => {
    behaviours = { b: 'fails' };
    cluster.apply('default', bad);
    pass(300);
    expect(status()).toMatchObject({ rollout: { phase: 'Complete' }, nodes: { ready: 4, failed: 1 } });
    expect(condition('Ready')).toBe('False NodesFailing');
  });

  test('that fails on too many nodes takes none further; all go back to what they had', () => {
    behaviours = { b: 'fails', c: 'fails' };
    cluster.apply('default', bad);
    pass(300);
    expect(told()).toEqual([]);
    expect(status()?.failedNodes?.map(({ name }) => name)).toEqual(['b', 'c']);
  });

  test('that fails with onFailure Pause stays where it is, and goes no further', () => {
    behaviours = { a: 'fails' };
    cluster.apply('default', { ...bad, rollout: { ...rollout, onFailure: 'Pause' } });
    pass(300);
    expect([told(), status()?.rollout?.phase]).toEqual([['a'], 'Failed']);
    expect(condition('Stalled')).toBe('True RolloutFailed');
  });

  test('that is paused goes no further until it is not', () => {
    cluster.apply('default', bad);
    pass(80);
    const so = told();
    cluster.apply('default', { ...bad, rollout: { ...rollout, paused: true } });
    pass(1000);
    expect(told()).toEqual(so);
    expect([condition('Ready'), condition('Stalled')]).toEqual(['Unknown RolloutPaused', 'True RolloutPaused']);
    cluster.apply('default', bad);
    pass(60);
    expect(condition('Ready')).toBe('True AllNodesSynced');
  });

  test('on the way to another begins with a canary again, and if that fails all go back to what is proven', () => {
    const before = status()?.currentRevision;
    cluster.apply('default', bad);
    pass(80);
    expect(told()).toEqual(['a', 'b', 'c']);
    behaviours = Object.fromEntries([...cluster.nodes.keys()].map((name) => [name, 'fails']));
    cluster.apply('default', { ...bad, clusterCIDRs: ['10.244.0.0/16'] });
    pass(10);
    const trial = [...cluster.states.values()].filter(({ spec }) => spec.config.clusterCIDRs.length > 0);
    expect(trial).toHaveLength(1);
    pass(600);
    expect(new Set([...cluster.states.values()].map(({ spec }) => spec.revision))).toEqual(new Set([before]));
  });
});

describe('during a rollout', () => {
  test('a new node gets what is proven, and one that is NotReady is not waited for', () => {
    cluster.change('e', { ready: false });
    cluster.apply('default', bad);
    cluster.operate();
    cluster.join('f');
    cluster.operate();
    expect(cluster.states.get('f')?.spec.revision).toBe(status()?.currentRevision);
    pass(200);
    expect([condition('Ready'), status()?.nodes]).toMatchObject(['True AllNodesSynced', { ready: 5, ignored: 1 }]);
    // It gets the change, too, now that it is proven.
    expect(told()).toContain('e');
  });

  test('an operator that is killed after any step is followed by one that goes on there', () => {
    cluster.apply('default', bad);
    cluster.operate(0);
    expect(told()).toEqual([]);
    cluster.operate();
    expect(told()).toEqual(['a']);
    pass(60);
    cluster.operate(1);
    pass(60);
    expect(condition('Ready')).toBe('True AllNodesSynced');
  });
});

describe('nodes that move to another config', () => {
  const moves: ProxyConfigSpec = { ...bad, priority: 10 };

  test('move one first, then the others', () => {
    cluster.apply('edge', moves);
    cluster.operate();
    expect(told()).toEqual(['a']);
    pass(200);
    expect(told()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(condition('Ready', 'edge')).toBe('True AllNodesSynced');
    expect(condition('Ready')).toBe('False Shadowed');
  });

  test('go back to what they had if the first one fails there', () => {
    behaviours = { a: 'fails' };
    cluster.apply('edge', moves);
    pass(300);
    expect(cluster.states.get('a')?.spec).toMatchObject({ configRef: { name: 'default' } });
    expect(condition('Ready', 'edge')).toBe('False RolloutFailed');
  });

  test('also when it works on other nodes, and when their config was deleted', () => {
    cluster.apply('edge', { ...moves, nodeSelector: { matchLabels: { pool: 'edge' } } });
    cluster.join('x', { pool: 'edge' });
    pass(200);
    expect(condition('Ready', 'edge')).toBe('True AllNodesSynced');
    behaviours = { a: 'fails' };
    cluster.delete('default');
    cluster.apply('edge', moves);
    pass(300);
    expect(told()).toEqual(['x']);
    expect(cluster.states.get('a')?.spec.configRef.name).toBe('default');
  });
});

test('on a fresh cluster nodes that are NotReady get their first configuration at once: they may need it to be Ready', () => {
  cluster = new ModelCluster();
  for (const name of ['a', 'b', 'c']) {
    cluster.join(name);
    if (name !== 'c') cluster.change(name, { ready: false });
  }
  cluster.apply('default', { ...bad, rollout: { ...rollout, canary: { nodes: 1, soakSeconds: 0 } } });
  cluster.operate();
  expect(told()).toEqual(['a', 'b', 'c']);
});

test('a status stays small on a cluster of five thousand nodes of which all fail', () => {
  for (let index = 0; index < 5000; index++) cluster.join(`node-${index}-${'x'.repeat(50)}`);
  pass(20);
  behaviours = Object.fromEntries([...cluster.nodes.keys()].map((name) => [name, 'fails']));
  cluster.apply('default', { ...bad, rollout: { ...rollout, canary: { nodes: 0 }, maxUnavailable: '100%' } });
  pass(20);
  expect(condition('Degraded')).toBe('True RolloutFailed');
  expect(status()?.failedNodes).toHaveLength(16);
  expect(JSON.stringify(status()).length).toBeLessThan(16_384);
});

describe('nodes that are NotReady', () => {
  test('because of their first configuration get the next one: else they would never come back', () => {
    cluster = new ModelCluster();
    for (const name of ['a', 'b']) cluster.join(name);
    for (const name of ['a', 'b']) cluster.change(name, { ready: false });
    cluster.apply('default', bad);
    pass(10);
    expect(told()).toEqual(['a', 'b']);
    cluster.apply('default', { rollout });
    pass(10);
    expect(told()).toEqual([]);
  });

  test('because of a change get back what is proven when that is edited before it is given up', () => {
    const proven = status()?.currentRevision;
    cluster.apply('default', bad);
    cluster.operate();
    cluster.change('a', { ready: false });
    cluster.apply('default', { rollout, loadBalancing: { algorithm: 'maglev' } });
    cluster.operate();
    expect(cluster.states.get('a')?.spec.revision).toBe(proven);
  });

  test('and have what is proven are left alone', () => {
    const proven = status()?.currentRevision;
    cluster.change('e', { ready: false });
    cluster.apply('default', bad);
    pass(300);
    expect(cluster.states.get('e')?.spec.revision).toBe(
      status()?.rollout?.phase === 'Complete' ? status()?.currentRevision : proven,
    );
  });
});
