import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { conditionOf } from '../../api/index.ts';
import type { ProxyConfig } from '../../api/index.ts';
import { EventRecorder } from '../../kubernetes/index.ts';
import { OperatorMetrics } from '../metrics/index.ts';
import { nodeStateFor } from '../rollout/index.ts';
import { TermRig } from '../testing/index.ts';
import { StatusModule } from './status.module.ts';
import { StatusReconciler } from './status-reconciler.ts';

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
let configs: StatusReconciler;

beforeAll(async () => {
  rig = await TermRig.start(StatusModule);
  configs = await rig.ofTerm(StatusReconciler);
  await rig.put('Node', 'node-1', {});
  await rig.put('Node', 'node-1', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, 'status');
  await rig.seen('the Node', ({ nodes }) => nodes.get('node-1')?.ready === true);
});

afterAll(() => rig.stop());

beforeEach(async () => {
  await rig.put('ProxyConfig', 'default', { spec: {} });
  await cacheIsCurrent();
});

async function cacheIsCurrent(): Promise<void> {
  const { metadata } = await rig.get('ProxyConfig', 'default');
  await rig.seen('the ProxyConfig as it is', (cache) => {
    return cache.configs.get('default')?.config.metadata.resourceVersion === metadata.resourceVersion;
  });
}

/** The agent of node-1 has applied what the config says. */
async function agentReports(): Promise<void> {
  const config = rig.cache.configs.get('default')?.config;
  const node = rig.cache.nodes.get('node-1');
  if (config === undefined || node === undefined) throw new Error('the cache is empty');
  const { spec } = nodeStateFor(config, node);
  await rig.put('ProxyNodeState', 'node-1', { spec });
  const synced = { type: 'Synced', status: 'True', reason: 'UpToDate', message: 'fine' };
  const conditions = [{ ...synced, lastTransitionTime: '2026-01-01T00:00:00Z' }];
  await rig.put('ProxyNodeState', 'node-1', { status: { appliedRevision: spec.revision, conditions } }, 'status');
  await rig.seen('the report', ({ nodeStates }) => nodeStates.get('node-1')?.status?.appliedRevision === spec.revision);
}

const condition = async (type: string) =>
  conditionOf((await rig.get<ProxyConfig>('ProxyConfig', 'default')).status?.conditions, type);

async function events(): Promise<string[]> {
  await rig.ofProcess(EventRecorder).flush();
  return (await rig.list<{ reason: string }>('Event')).map(({ reason }) => reason);
}

describe('a ProxyConfig', () => {
  test('says how far its nodes are, and records when that changes', async () => {
    await configs.reconcile('default');
    expect(await condition('Ready')).toMatchObject({ status: 'Unknown', reason: 'RollingOut' });
    expect(await events()).toEqual([]);
    await agentReports();
    await configs.reconcile('default');
    expect(await condition('Ready')).toMatchObject({ status: 'True', reason: 'AllNodesSynced' });
    expect(await events()).toEqual(['RolloutComplete']);
  });

  test('is written only when something changed, also before the cache has heard of the last time', async () => {
    await configs.reconcile('default');
    const [first, recorded] = [await rig.get('ProxyConfig', 'default'), await events()];
    await rig.clock.advance(60_000);
    await configs.reconcile('default');
    await cacheIsCurrent();
    await configs.reconcile('default');
    expect(await rig.get('ProxyConfig', 'default')).toEqual(first);
    expect(await events()).toEqual(recorded);
  });

  test('shows its counts as metrics until it is gone, and its end is no error', async () => {
    const { registry } = rig.ofProcess(OperatorMetrics);
    await configs.reconcile('default');
    expect(await registry.metrics()).toContain('nftproxy_operator_nodes{config="default",state="matching"} 1');
    await rig.delete('ProxyConfig', 'default');
    // The cache may still have it when its status is due.
    await configs.reconcile('default');
    await rig.seen('that it is gone', (cache) => cache.configs.get('default') === undefined);
    await configs.reconcile('default');
    expect(await registry.metrics()).not.toContain('config="default"');
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
  const again = await configs.reconcile('default');
  expect(again?.afterSeconds).toBeCloseTo(20, 0);
  expect(await condition('Degraded')).toMatchObject({ status: 'False' });
  await rig.clock.advance((again?.afterSeconds ?? 0) * 1000);
  expect(await configs.reconcile('default')).toBeUndefined();
  expect(await condition('Degraded')).toMatchObject({ status: 'True', reason: 'AgentNotRunning' });
  await rig.put('DaemonSet', 'nftproxy-agent', agents(1), 'status');
  await rig.seen('that all agents run', ({ agents: counts }) => counts?.ready === 1);
  await configs.reconcile('default');
  expect(await condition('Degraded')).toMatchObject({ status: 'False', reason: 'AsExpected' });
});
