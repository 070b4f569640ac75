import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { conditionOf } from '../../api/index.ts';
import type { ProxyConfig, ProxyNodeState } from '../../api/index.ts';
import { EventRecorder } from '../../kubernetes/index.ts';
import { OperatorMetrics } from '../metrics/index.ts';
import { Assignments, NodeReconciler } from '../rollout/index.ts';
import { TermRig } from '../testing/index.ts';
import { StatusModule } from './status.module.ts';
import { RolloutReconciler } from './rollout-reconciler.ts';

const agents = (numberReady: number) => ({
  metadata: { namespace: 'nftproxy-system' },
  status: {
    observedGeneration: 1,
    desiredNumberScheduled: 1,
    currentNumberScheduled: 1,
    numberMisscheduled: 0,
    numberReady,
  },
});

let rig: TermRig;
let rollouts: RolloutReconciler;
let nodes: NodeReconciler;

beforeAll(async () => {
  rig = await TermRig.start(StatusModule);
  rollouts = await rig.ofTerm(RolloutReconciler);
  nodes = await rig.ofTerm(NodeReconciler);
  await rig.put('Node', 'node-1', {});
  await rig.put('Node', 'node-1', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, 'status');
  await rig.seen('the Node', ({ nodes }) => nodes.get('node-1')?.ready === true);
});

afterAll(() => rig.stop());

beforeEach(async () => {
  await rig.put('ProxyConfig', 'default', { spec: { rollout: { canary: { soakSeconds: 0 } } } });
  await cacheIsCurrent();
});

async function cacheIsCurrent(): Promise<void> {
  const { metadata } = await rig.get('ProxyConfig', 'default');
  await rig.seen('the ProxyConfig as it is', (cache) => {
    return cache.configs.get('default')?.config.metadata.resourceVersion === metadata.resourceVersion;
  });
}

/** One round of the operator: what it decides, and what follows for the node. */
async function round(): Promise<{ looked: string[]; again: number | undefined }> {
  const looked: string[] = [];
  const again = await rollouts.reconcile({ node: (name) => looked.push(name), kubeProxy: () => undefined });
  for (const node of looked) await nodes.reconcile(node);
  return { looked, again: again?.afterSeconds };
}

/** The agent of node-1 has applied what it was told. */
async function agentReports(): Promise<void> {
  const { spec } = await rig.get<ProxyNodeState>('ProxyNodeState', 'node-1');
  const synced = { type: 'Synced', status: 'True', reason: 'UpToDate', message: 'fine' };
  const conditions = [{ ...synced, lastTransitionTime: '2026-01-01T00:00:00Z' }];
  await rig.put('ProxyNodeState', 'node-1', { status: { appliedRevision: spec.revision, conditions } }, 'status');
  await rig.seen('the report', ({ nodeStates }) => nodeStates.get('node-1')?.status?.appliedRevision === spec.revision);
}

const condition = async (type: string) =>
  conditionOf((await rig.get<ProxyConfig>('ProxyConfig', 'default')).status?.conditions, type);

async function events(): Promise<string[]> {
  await rig.ofProcess(EventRecorder).flush();
  return (await rig.list<{ reason: string }>('Event')).map(({ reason }) => reason).sort();
}

describe('a ProxyConfig', () => {
  test('says how far its nodes are, and records when that changes', async () => {
    expect((await round()).looked).toEqual(['node-1']);
    expect(await condition('Ready')).toMatchObject({ status: 'Unknown', reason: 'CanaryInProgress' });
    expect(await events()).toEqual(['RolloutStarted']);
    await agentReports();
    await round();
    await round();
    expect(await condition('Ready')).toMatchObject({ status: 'True', reason: 'AllNodesSynced' });
    const { spec } = await rig.get<ProxyNodeState>('ProxyNodeState', 'node-1');
    expect(spec.objectEvents, 'its agent writes the Events on Services').toBe(true);
    expect(await events()).toEqual(['RolloutComplete', 'RolloutStarted']);
  });

  test('is written only when something changed, also before the cache has heard of the last time', async () => {
    const [first, recorded] = [await rig.get('ProxyConfig', 'default'), await events()];
    await rig.clock.advance(60_000);
    await round();
    await cacheIsCurrent();
    await round();
    expect(await rig.get('ProxyConfig', 'default')).toEqual(first);
    expect(await events()).toEqual(recorded);
  });

  test('shows its counts as metrics until it is gone, and its end is no error', async () => {
    const { registry } = rig.ofProcess(OperatorMetrics);
    await round();
    expect(await registry.metrics()).toContain('nftproxy_operator_nodes{config="default",state="matching"} 1');
    await rig.delete('ProxyConfig', 'default');
    // The cache may still have it when its status is due.
    await round();
    await rig.seen('that it is gone', (cache) => cache.configs.get('default') === undefined);
    await round();
    expect(await registry.metrics()).not.toContain('config="default"');
  });

  test('tells nobody anything while its status cannot be written', async () => {
    await round();
    const refusing = vi.spyOn(rig.cache.configs, 'writeStatus').mockRejectedValue(new Error('the API server is away'));
    await rig.put('ProxyConfig', 'default', { spec: { masqueradeAll: true } });
    await cacheIsCurrent();
    await expect(rollouts.reconcile({ node: () => undefined, kubeProxy: () => undefined })).rejects.toThrow(
      'the API server is away',
    );
    const assignments = await rig.ofTerm(Assignments);
    const node = rig.cache.nodes.get('node-1')!;
    expect(assignments.desiredOf(node)?.spec.config.masqueradeAll).toBe(false);
    refusing.mockRestore();
    await round();
    expect(assignments.desiredOf(node)?.spec.config.masqueradeAll).toBe(true);
  });
});

test('agents that are missing are worth a condition after half a minute, and it asks to be called then', async () => {
  const spec = {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'agent', image: 'x' }] } },
  };
  await rig.put('DaemonSet', 'nftproxy-agent', { spec });
  await rig.put('DaemonSet', 'nftproxy-agent', agents(0), 'status');
  await rig.seen('that an agent is missing', ({ agents: counts }) => counts?.ready === 0);
  await rig.clock.advance(10_000);
  const { again = 0 } = await round();
  expect(again).toBeCloseTo(20, 0);
  expect(await condition('Degraded')).toMatchObject({ status: 'False' });
  await rig.clock.advance(again * 1000);
  await round();
  expect(await condition('Degraded')).toMatchObject({ status: 'True', reason: 'AgentNotRunning' });
  await rig.put('DaemonSet', 'nftproxy-agent', agents(1), 'status');
  await rig.seen('that all agents run', ({ agents: counts }) => counts?.ready === 1);
  await round();
  expect(await condition('Degraded')).toMatchObject({ status: 'False', reason: 'AsExpected' });
});

test('tolerations without which its nodes would lose their agents do not count, and the ProxyConfig says so', async () => {
  const template = {
    metadata: { labels: { a: 'b' } },
    spec: { tolerations: [{ operator: 'Exists' }], containers: [{ name: 'agent', image: 'x' }] },
  };
  await rig.put('DaemonSet', 'nftproxy-agent', { spec: { selector: { matchLabels: { a: 'b' } }, template } });
  await rig.put('Node', 'node-1', { spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }] } });
  await rig.seen('the taint', ({ nodes: seen }) => seen.get('node-1')?.taints !== undefined);
  await round();
  await rig.put('ProxyConfig', 'default', { spec: { agent: { tolerations: [] } } });
  await cacheIsCurrent();
  await round();
  expect(await condition('Stalled')).toMatchObject({ status: 'True', reason: 'AgentsWouldGo' });
  expect(await condition('Ready')).toMatchObject({ status: 'False', reason: 'AgentsWouldGo' });
  expect(await events()).toContain('AgentsWouldGo');
  await rig.put('ProxyConfig', 'default', { spec: { agent: { tolerations: [{ key: 'gpu', operator: 'Exists' }] } } });
  await cacheIsCurrent();
  await round();
  expect((await condition('Stalled'))?.reason).not.toBe('AgentsWouldGo');
});
