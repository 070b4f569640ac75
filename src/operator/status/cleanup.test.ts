import { afterAll, beforeAll, expect, test } from 'vitest';
import { conditionOf } from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';
import { NodeReconciler } from '../rollout/index.ts';
import { TermRig } from '../testing/index.ts';
import { StatusModule } from './status.module.ts';
import { RolloutReconciler } from './rollout-reconciler.ts';

let rig: TermRig;

beforeAll(async () => {
  rig = await TermRig.start(StatusModule);
  await rig.put('Node', 'node-1', {});
  await rig.put('Node', 'node-1', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, 'status');
  await rig.seen('the Node', ({ nodes }) => nodes.get('node-1')?.ready === true);
});

afterAll(() => rig.stop());

const state = () => rig.get<ProxyNodeState>('ProxyNodeState', 'node-1');

/** One round of the operator: what it decides, and what follows for the node. */
async function round(): Promise<ProxyNodeState> {
  const [rollouts, nodes] = [await rig.ofTerm(RolloutReconciler), await rig.ofTerm(NodeReconciler)];
  await rollouts.reconcile({ node: () => undefined, kubeProxy: () => undefined });
  await nodes.reconcile('node-1');
  const now = await state();
  await rig.seen('what the node was told', ({ nodeStates }) => {
    return nodeStates.get('node-1')?.metadata.resourceVersion === now.metadata.resourceVersion;
  });
  return now;
}

async function govern(): Promise<void> {
  await rig.put('ProxyConfig', 'default', { spec: { onDelete: 'Cleanup', rollout: { canary: { soakSeconds: 0 } } } });
  await rig.seen('the config', ({ configs }) => configs.get('default') !== undefined);
}

async function gone(): Promise<void> {
  await rig.seen('that the config is gone', ({ configs }) => configs.get('default') === undefined);
}

test('a node whose ProxyConfig is deleted is told a minute later, and forgets that when it is governed again', async () => {
  await govern();
  expect((await round()).spec.config.onDelete).toBe('Cleanup');
  await rig.delete('ProxyConfig', 'default');
  await gone();
  const pending = await round();
  expect(conditionOf(pending.status?.conditions, 'Uncovered')?.reason).toBe('CleanupPending');
  await rig.clock.advance(50_000);
  expect((await round()).spec.cleanup).toBeUndefined();
  await rig.clock.advance(11_000);
  const told = await round();
  expect(told.spec.cleanup).toBeDefined();
  expect(told.spec.config).toEqual(pending.spec.config);
  expect(conditionOf((await round()).status?.conditions, 'Uncovered')?.reason).toBe('CleaningUp');
  await govern();
  const again = await round();
  expect(again.spec.cleanup).toBeUndefined();
  expect(again.status?.conditions ?? []).toEqual([]);
});

test('a node keeps its rules when all ProxyConfigs go with their CRD', async () => {
  await rig.delete('CustomResourceDefinition', 'proxyconfigs.nftproxy.io');
  await gone();
  for (let minutes = 0; minutes < 5; minutes++) {
    const now = await round();
    expect(now.spec.cleanup).toBeUndefined();
    await rig.clock.advance(60_000);
  }
  expect(conditionOf((await state()).status?.conditions, 'Uncovered')?.reason).toBe('CleanupPending');
});
