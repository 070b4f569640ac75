import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { conditionOf, withDefaults } from '../../api/index.ts';
import type { Condition, ProxyNodeState } from '../../api/index.ts';
import { microTime } from '../../kubernetes/index.ts';
import { eventually } from '../../kubernetes/testing/index.ts';
import { TermRig } from '../testing/index.ts';
import { Assignments } from './assignments.ts';
import { NodeReconciler } from './node-reconciler.ts';
import { RolloutModule } from './rollout.module.ts';

// What an agent does to its Lease and its ProxyNodeState the tests do, as the agent does it. With KUBEBUILDER_ASSETS it
// is a real kube-apiserver that decides which field belongs to whom.

const second = 1000;
let rig: TermRig;
let nodes: NodeReconciler;
let assignments: Assignments;
let node: string;
let count = 0;

beforeAll(async () => {
  rig = await TermRig.start(RolloutModule, {}, { real: true });
  nodes = await rig.ofTerm(NodeReconciler);
  assignments = await rig.ofTerm(Assignments);
}, 90_000);

afterAll(() => rig.stop(), 60_000);

beforeEach(async () => {
  node = `node-${++count}`;
  await rig.put('Node', node, {});
  const config = withDefaults({});
  const spec = { configRef: { name: 'default', generation: 1 }, revision: '0123456789', config };
  await rig.put('ProxyNodeState', node, { spec });
  await rig.seen(
    'the Node',
    (cache) => cache.nodes.get(node) !== undefined && cache.nodeStates.get(node) !== undefined,
  );
  assignments.cover([]);
});

/** As agents report: by server-side apply under their own name, with force. */
async function report(
  o: { leaseDurationSeconds?: number; services?: number } = { leaseDurationSeconds: 40 },
): Promise<void> {
  const lastTransitionTime = '2026-11-22T00:00:00Z';
  const synced = { type: 'Synced', status: 'True', reason: 'UpToDate', message: 'fine', lastTransitionTime };
  const degraded = { type: 'Degraded', status: 'False', reason: 'AsExpected', message: 'fine', lastTransitionTime };
  const status = { ...o, appliedRevision: '0123456789', conditions: [synced, degraded] };
  const body = { apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyNodeState', metadata: { name: node }, status };
  const path = `/apis/nftproxy.io/v1alpha1/proxynodestates/${node}/status`;
  await rig.client.apply(path, body, { fieldManager: 'nftproxy-agent', force: true });
  await seen();
}

/** The agent's time is its own: here it is an hour behind, and that is of no consequence. */
async function renew(): Promise<void> {
  const renewTime = microTime(rig.clock.wall() - 3600 * second);
  await rig.put('Lease', node, { spec: { holderIdentity: node, leaseDurationSeconds: 40, renewTime } });
}

/** Waits until the cache is as fresh as the object. */
async function seen(): Promise<ProxyNodeState> {
  const state = await rig.get<ProxyNodeState>('ProxyNodeState', node);
  const { resourceVersion } = state.metadata;
  await rig.seen('the state', ({ nodeStates }) => nodeStates.get(node)?.metadata.resourceVersion === resourceVersion);
  return state;
}

/** The next look at the Leases, and what follows from it. */
async function look(): Promise<Condition | undefined> {
  await rig.clock.advance(20 * second);
  // The next one is due when this one is over.
  await eventually('the look to be over', () => rig.clock.waiting > 0);
  return reconcile();
}

async function reconcile(): Promise<Condition | undefined> {
  await nodes.reconcile(node);
  return conditionOf((await seen()).status?.conditions, 'Synced');
}

async function managers(): Promise<string[]> {
  const { metadata } = await rig.get('ProxyNodeState', node);
  const fields = metadata.managedFields as { manager: string; subresource?: string; fieldsV1: object }[];
  const of = fields.filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes('"k:{\\"type\\":\\"Synced\\"}":'));
  return of.map(({ manager }) => manager).sort();
}

async function silence(): Promise<Condition | undefined> {
  await renew();
  await report();
  await look();
  await look();
  await look();
  return reconcile();
}

test('an agent that renews its Lease is not silent, for however long it has nothing to report', async () => {
  await report();
  for (let n = 0; n < 10; n++) {
    await renew();
    expect(await look()).toMatchObject({ status: 'True', reason: 'UpToDate' });
  }
});

test('an agent that does not is called silent within a minute: since when, and what to do', async () => {
  await renew();
  await report();
  const begun = rig.clock.wall();
  expect((await look())?.reason).toBe('UpToDate');
  let synced = await look();
  while (synced?.reason !== 'AgentSilent' && rig.clock.wall() - begun < 60 * second) synced = await look();
  expect(synced).toMatchObject({ status: 'Unknown', reason: 'AgentSilent' });
  expect(synced?.message).toMatch(/since \d{4}-.*Z: the kernel keeps what it has.*See the agent's Pod/);
  const { status } = await seen();
  // What else it said stays; it is what was known last.
  expect(status).toMatchObject({ appliedRevision: '0123456789', leaseDurationSeconds: 40 });
  expect(conditionOf(status?.conditions, 'Degraded')?.reason).toBe('AsExpected');
  // Said once.
  const { resourceVersion } = (await seen()).metadata;
  for (let n = 0; n < 3; n++) await look();
  expect((await seen()).metadata.resourceVersion).toBe(resourceVersion);
});

test('an agent that comes back takes its condition back, and nobody says silent again though the Lease was not looked at', async () => {
  expect((await silence())?.reason).toBe('AgentSilent');
  await renew();
  await report();
  expect(await managers()).toContain('nftproxy-agent');
  for (let n = 0; n < 3; n++) expect((await reconcile())?.reason).toBe('UpToDate');
  await renew();
  expect((await look())?.reason).toBe('UpToDate');
});

test('while it only renews again and has not said anything yet, nothing of the condition is lost', async () => {
  expect((await silence())?.reason).toBe('AgentSilent');
  await renew();
  expect(await look()).toMatchObject({ status: 'Unknown', reason: 'AgentSilent', type: 'Synced' });
  await rig.delete('Node', node);
});

test('it can fall silent and come back as often as it likes', async () => {
  for (let n = 0; n < 3; n++) {
    expect((await silence())?.reason).toBe('AgentSilent');
    await renew();
    await report({ leaseDurationSeconds: 40, services: n });
    expect((await reconcile())?.reason).toBe('UpToDate');
  }
});

test('what a node is covered by and whether its agent is silent are said side by side', async () => {
  assignments.cover([node]);
  expect((await silence())?.reason).toBe('AgentSilent');
  const conditions = async () =>
    (await seen()).status?.conditions?.map(({ type, reason }) => `${type}/${reason}`).sort();
  expect(await conditions()).toEqual(['Degraded/AsExpected', 'Synced/AgentSilent', 'Uncovered/NoGoverningConfig']);
  assignments.cover([]);
  await reconcile();
  expect(await conditions()).toEqual(['Degraded/AsExpected', 'Synced/AgentSilent']);
  await renew();
  await report();
  await reconcile();
  assignments.cover([node]);
  await reconcile();
  expect(await conditions()).toEqual(['Degraded/AsExpected', 'Synced/UpToDate', 'Uncovered/NoGoverningConfig']);
});

test('an agent of an older version, without a Lease, is never called silent; nor one that goes back to such a version', async () => {
  await report({});
  for (let n = 0; n < 5; n++) expect((await look())?.reason).toBe('UpToDate');
  await renew();
  await report();
  await look();
  await report({});
  for (let n = 0; n < 5; n++) expect((await look())?.reason).toBe('UpToDate');
});

test('an agent whose Lease was deleted is silent, unless it makes another', async () => {
  await renew();
  await report();
  await look();
  await rig.delete('Lease', node);
  for (let n = 0; n < 3; n++) await look();
  expect((await reconcile())?.reason).toBe('AgentSilent');
});
