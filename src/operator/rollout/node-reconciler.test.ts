import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { conditionOf } from '../../api/index.ts';
import type { ProxyConfigSpec, ProxyNodeState } from '../../api/index.ts';
import { isNotFound } from '../../kubernetes/index.ts';
import { TermRig } from '../testing/index.ts';
import { Assignments } from './assignments.ts';
import { NodeReconciler } from './node-reconciler.ts';
import { plan } from './plan.ts';
import { RolloutModule } from './rollout.module.ts';

let rig: TermRig;
let nodes: NodeReconciler;
let assignments: Assignments;

beforeAll(async () => {
  rig = await TermRig.start(RolloutModule);
  nodes = await rig.ofTerm(NodeReconciler);
  assignments = await rig.ofTerm(Assignments);
});

afterAll(() => rig.stop());

beforeEach(async () => {
  await rig.put('Node', 'node-1', {});
  await rig.put('Node', 'node-1', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, 'status');
  await putConfig({ masqueradeAll: true });
});

async function putConfig(spec: ProxyConfigSpec): Promise<void> {
  await rig.put('ProxyConfig', 'default', { spec });
  const { metadata } = await rig.get('ProxyConfig', 'default');
  await rig.seen('the ProxyConfig and the Node', ({ configs, nodes: cached }) => {
    return (
      configs.get('default')?.config.metadata.generation === metadata.generation && cached.get('node-1')?.ready === true
    );
  });
}

/** What node-1 is told; undefined if it is told nothing. */
async function told(): Promise<ProxyNodeState | undefined> {
  try {
    return await rig.get<ProxyNodeState>('ProxyNodeState', 'node-1');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Takes over the next plan, and brings node-1 in line with it. */
async function reconcile(): Promise<void> {
  const { cache } = rig;
  const stateOf = assignments.stateOf.bind(assignments);
  const now = new Date(rig.clock.wall());
  const agents = { revisionOf: () => undefined, runOn: () => true };
  const next = plan({ configs: cache.configs.all(), nodes: [...cache.nodes.values()], stateOf, now, agents });
  assignments.cover(next.uncovered);
  for (const each of next.configs.values()) assignments.decide(each);
  await nodes.reconcile('node-1');
}

async function reconcileAndSee(): Promise<ProxyNodeState> {
  await reconcile();
  const state = await told();
  if (state === undefined) throw new Error('node-1 was told nothing');
  const { resourceVersion } = state.metadata;
  await rig.seen('what the node was told', ({ nodeStates }) => {
    return nodeStates.get('node-1')?.metadata.resourceVersion === resourceVersion;
  });
  return state;
}

test('a node is told what the config says, once, and again when that changes or somebody else writes', async () => {
  const first = await reconcileAndSee();
  expect(first.spec).toMatchObject({ configRef: { name: 'default' }, config: { masqueradeAll: true } });
  const node = await rig.get('Node', 'node-1');
  expect(first.metadata.ownerReferences).toMatchObject([{ kind: 'Node', name: 'node-1', uid: node.metadata.uid }]);
  expect((await reconcileAndSee()).metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  await putConfig({ masqueradeAll: false });
  const second = await reconcileAndSee();
  expect(second.spec.config.masqueradeAll).toBe(false);
  expect(second.spec.revision).not.toBe(first.spec.revision);
  await rig.client.mergePatch('/apis/nftproxy.io/v1alpha1/proxynodestates/node-1', {
    spec: { revision: '0000000000' },
  });
  await rig.seen('the meddling', ({ nodeStates }) => nodeStates.get('node-1')?.spec.revision === '0000000000');
  expect((await reconcileAndSee()).spec.revision).toBe(second.spec.revision);
});

test('a node that no config governs any more keeps what it was told and says so, until one governs it again', async () => {
  const before = await reconcileAndSee();
  await rig.delete('ProxyConfig', 'default');
  await rig.seen('that the config is gone', ({ configs }) => configs.get('default') === undefined);
  const after = await reconcileAndSee();
  expect(after.spec).toEqual(before.spec);
  const uncovered = (state: ProxyNodeState) => conditionOf(state.status?.conditions, 'Uncovered');
  expect(uncovered(after)).toMatchObject({ status: 'True', reason: 'NoGoverningConfig' });
  expect(uncovered(after)?.message).toContain(`revision ${before.spec.revision} of ProxyConfig default`);
  // Said once.
  expect((await reconcileAndSee()).metadata.resourceVersion).toBe(after.metadata.resourceVersion);
  await putConfig({ masqueradeAll: true });
  expect(uncovered(await reconcileAndSee())).toBeUndefined();
});

test('what a Node was told that is gone is left to the garbage collector', async () => {
  const { spec } = await reconcileAndSee();
  await rig.put('ProxyNodeState', 'node-gone', { spec });
  await rig.seen('the state', ({ nodeStates }) => nodeStates.get('node-gone') !== undefined);
  await nodes.reconcile('node-gone');
  expect(await rig.get('ProxyNodeState', 'node-gone')).toMatchObject({ spec });
});

describe('through a CRD that lets everything pass', () => {
  beforeAll(async () => {
    const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { status: anything } };
    const version = { name: 'v1alpha1', served: true, storage: true, subresources: { status: {} } };
    await rig.client.mergePatch('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/proxyconfigs.nftproxy.io', {
      spec: { versions: [{ ...version, schema: { openAPIV3Schema: schema } }] },
    });
  });

  test('a field of a newer version is named and done without', async () => {
    await putConfig({ masqueradeAll: true, hoverboard: true } as ProxyConfigSpec);
    expect(rig.cache.configs.get('default')).toMatchObject({ errors: [], unknownFields: ['spec.hoverboard'] });
    await reconcile();
    const config = (await told())?.spec.config;
    expect(config?.masqueradeAll).toBe(true);
    expect(config).not.toHaveProperty('hoverboard');
  });

  test('a config that makes no sense any more changes nothing on its nodes', async () => {
    const before = await reconcileAndSee();
    await putConfig({ mode: 'carrier-pigeon' } as unknown as ProxyConfigSpec);
    expect(rig.cache.configs.get('default')?.errors).toMatchObject([{ path: 'spec.mode' }]);
    await reconcile();
    expect((await told())?.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  test.each<[string, object]>([
    ['without a spec', {}],
    ['with an impossible CIDR', { spec: { nodePortAddresses: ['fd00::1::/64'], priority: 10 } }],
    ['with text for a spec', { spec: 'everything' }],
    ['with a selector that is none', { spec: { priority: 10, nodeSelector: { matchExpressions: 'all' } } }],
    ['with nonsense for a status', { spec: { mode: 'carrier-pigeon', priority: 10 }, status: { conditions: 'fine' } }],
  ])('a config %s takes no node from a good one', async (_story, fields) => {
    await putConfig({ masqueradeAll: true });
    const before = await reconcileAndSee();
    const body = {
      apiVersion: 'nftproxy.io/v1alpha1',
      kind: 'ProxyConfig',
      metadata: { name: 'a-bad-one' },
      ...fields,
    };
    await rig.client.create('/apis/nftproxy.io/v1alpha1/proxyconfigs', body);
    await rig.seen('the bad config', ({ configs }) => (configs.get('a-bad-one')?.errors.length ?? 0) > 0);
    await reconcile();
    expect((await told())?.spec).toEqual(before.spec);
    await rig.delete('ProxyConfig', 'a-bad-one');
    await rig.seen('that it is gone', ({ configs }) => configs.get('a-bad-one') === undefined);
  });
});
