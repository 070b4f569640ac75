import { beforeEach, describe, expect, test } from 'vitest';
import { conditionOf } from '../../api/index.ts';
import { ModelCluster } from './testing/index.ts';

const rollout = { canary: { nodes: 1, soakSeconds: 60 }, maxUnavailable: 2, progressDeadlineSeconds: 120 } as const;
const [first, second] = ['aaaaaaaaaa', 'bbbbbbbbbb'];

let cluster: ModelCluster;
/** The revision of agents that crash. */
let crashing: string | undefined;
/** Revisions of agents that cannot serve their own addresses. */
let deaf: readonly unknown[];

/** Seconds pass: agents are replaced and report, then the operator decides. */
function pass(seconds: number): void {
  for (let past = 0; past < seconds; past += 10) {
    for (const name of cluster.nodes.keys()) {
      cluster.replaceAgent(name);
      const revision = cluster.pods.get(name)?.revision;
      cluster.report(name, revision === crashing ? 'crashes' : deaf.includes(revision) ? 'deaf' : 'works');
    }
    cluster.now += 10_000;
    cluster.operate();
  }
}

const agents = () => [...cluster.pods.values()].map(({ revision }) => revision);
const status = () => cluster.configs.get('default')?.status;
const condition = (type: string) => {
  const found = conditionOf(status()?.conditions, type);
  return found && `${found.status} ${found.reason}`;
};

beforeEach(() => {
  cluster = new ModelCluster();
  crashing = undefined;
  deaf = [];
  for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.join(name);
  cluster.agentRevision = first;
  cluster.apply('default', { rollout });
  pass(200);
  expect(condition('Ready')).toBe('True AllNodesSynced');
  expect(agents()).toEqual([first, first, first, first, first]);
});

describe('a new version of the agents', () => {
  test('goes to a canary, then to batches, like a change of the spec', () => {
    cluster.agentRevision = second;
    pass(30);
    expect(agents()).toEqual([second, first, first, first, first]);
    expect(condition('Ready')).toBe('Unknown CanaryInProgress');
    pass(60);
    expect(agents()).toEqual([second, second, second, first, first]);
    pass(40);
    expect(agents()).toEqual([second, second, second, second, second]);
    expect(condition('Ready')).toBe('True AllNodesSynced');
    expect(status()?.currentAgentRevision).toBe(second);
  });

  test('that crashes on the canary gets no further, and the canary goes back to the last good one', () => {
    crashing = second;
    cluster.agentRevision = second;
    pass(600);
    expect(agents()).toEqual([first, first, first, first, first]);
    expect(status()?.rollout?.phase).toBe('RolledBack');
    expect(condition('Stalled')).toBe('True RolloutFailed');
    expect(status()?.failedNodes).toMatchObject([{ name: 'a', reason: 'AgentNotRunning' }]);
    expect(status()?.currentAgentRevision).toBe(first);
  });

  test('that cannot serve its own addresses on the canary gets no further, though it serves all Services', () => {
    deaf = [second];
    cluster.agentRevision = second;
    pass(600);
    expect(agents()).toEqual([first, first, first, first, first]);
    expect(status()?.failedNodes).toMatchObject([{ name: 'a', reason: 'CannotListen' }]);
  });

  test('is not blamed for addresses that the one before it could not serve, either', () => {
    deaf = [first, second];
    pass(20);
    cluster.agentRevision = second;
    pass(300);
    expect(agents()).toEqual([second, second, second, second, second]);
    expect(status()?.rollout?.phase).toBe('Complete');
  });

  test('that an older operator takes back is proven: nobody is a canary for it', () => {
    cluster.agentRevision = second;
    pass(80);
    cluster.agentRevision = first;
    pass(40);
    expect(agents()).toEqual([first, first, first, first, first]);
    expect(condition('Ready')).toBe('True AllNodesSynced');
  });

  test('is not what a node gets that joins meanwhile', () => {
    cluster.agentRevision = second;
    pass(30);
    cluster.join('f');
    pass(20);
    expect(cluster.pods.get('f')?.revision).toBe(first);
  });

  test('has not arrived because the old one says that it has the settings', () => {
    cluster.agentRevision = second;
    cluster.operate();
    cluster.report('a', 'works');
    expect(cluster.states.get('a')?.status?.appliedRevision).toBe(cluster.states.get('a')?.spec.revision);
    cluster.now += 120_000;
    cluster.operate();
    expect(status()?.rollout?.phase).toBe('Canary');
  });
});

describe('settings of agents that a ProxyConfig changes', () => {
  const edge = { nodeSelector: { matchLabels: { pool: 'edge' } }, priority: 1 };

  beforeEach(() => {
    for (const name of ['x', 'y', 'z']) cluster.join(name, { pool: 'edge' });
    cluster.apply('edge', { ...edge, rollout });
    pass(200);
    expect(agents()).toEqual(Array.from({ length: 8 }, () => first));
  });

  test('reach the nodes of that ProxyConfig, canary first, and no others', () => {
    const agent = { logLevel: 'debug' } as const;
    const revision = cluster.agentRevisionOf(agent) ?? '';
    cluster.apply('edge', { ...edge, rollout, agent });
    pass(30);
    expect(agents()).toEqual([...Array.from({ length: 5 }, () => first), revision, first, first]);
    pass(150);
    expect(agents()).toEqual([...Array.from({ length: 5 }, () => first), revision, revision, revision]);
    expect(cluster.configs.get('edge')?.status?.currentAgentRevision).toBe(revision);
    expect(status()?.rollout?.phase).toBe('Complete');
    expect(status()?.currentAgentRevision).toBe(first);
  });

  test('that it cannot run with stop at its canary, which goes back', () => {
    const agent = { extraArgs: ['--no-such-flag'] };
    crashing = cluster.agentRevisionOf(agent);
    cluster.apply('edge', { ...edge, rollout, agent });
    pass(400);
    expect(agents()).toEqual(Array.from({ length: 8 }, () => first));
    const { rollout: stopped, failedNodes } = cluster.configs.get('edge')?.status ?? {};
    expect(stopped?.phase).toBe('RolledBack');
    expect(failedNodes).toMatchObject([{ name: 'x', reason: 'AgentNotRunning' }]);
    expect(status()?.rollout?.phase).toBe('Complete');
  });

  test('are what a node gets that moves there, and loses when it leaves', () => {
    const agent = { logLevel: 'debug' } as const;
    cluster.apply('edge', { ...edge, rollout, agent });
    pass(200);
    cluster.change('a', { labels: { pool: 'edge' } });
    pass(100);
    expect(cluster.pods.get('a')?.revision).toBe(cluster.agentRevisionOf(agent));
    cluster.change('a', { labels: {} });
    pass(100);
    expect(cluster.pods.get('a')?.revision).toBe(first);
  });
});

test('where nothing was before, addresses that another service proxy still has stop no rollout', () => {
  cluster = new ModelCluster();
  for (const name of ['a', 'b']) cluster.join(name);
  cluster.agentRevision = first;
  deaf = [first];
  cluster.apply('default', { rollout });
  pass(200);
  expect(condition('Ready')).toBe('True AllNodesSynced');
  expect(condition('Degraded')).toBe('True NodesDegraded');
});

test('an agent that crashes outside of a rollout is named', () => {
  crashing = first;
  pass(20);
  expect(condition('Ready')).toBe('False NodesFailing');
  expect(status()?.failedNodes?.[0]).toMatchObject({ name: 'a', reason: 'AgentNotRunning' });
});
