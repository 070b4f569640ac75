import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditionOf, kubeProxyLabel } from '../../api/index.ts';
import type { ProxyConfig, ProxyNodeState } from '../../api/index.ts';
import { resourcePath } from '../../kubernetes/index.ts';
import type { KubernetesObject } from '../../kubernetes/index.ts';
import { eventually } from '../../kubernetes/testing/index.ts';
import { KubeProxyReconciler, KubeProxyWatch } from '../kube-proxy/index.ts';
import { NodeReconciler } from '../rollout/index.ts';
import { TermRig } from '../testing/index.ts';
import { RolloutReconciler } from './rollout-reconciler.ts';
import { StatusModule } from './status.module.ts';

const namespace = 'kube-system';
const path = resourcePath({ group: 'apps', version: 'v1', plural: 'daemonsets', namespace, name: 'kube-proxy' });
const podPath = (name?: string) => resourcePath({ version: 'v1', plural: 'pods', namespace, ...(name && { name }) });
const labels = { 'k8s-app': 'kube-proxy' };
const pod = { apiVersion: 'v1', kind: 'Pod' };
const containers = [{ name: 'kube-proxy', image: 'kube-proxy' }];
const spread = { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } };
const daemonSet = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'kube-proxy', namespace, labels },
  spec: {
    selector: { matchExpressions: [{ key: 'k8s-app', operator: 'In', values: ['kube-proxy'] }] },
    template: { metadata: { labels }, spec: { containers, affinity: spread } },
  },
};

let rig: TermRig;

beforeAll(async () => {
  rig = await TermRig.start(StatusModule);
  await rig.put('Node', 'node-1', { metadata: { labels: { zone: 'a' } } });
  await rig.put('Node', 'node-1', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, 'status');
  await rig.client.apply(path, daemonSet, { fieldManager: 'kubeadm', force: true });
  await podComes();
  // Somebody else's Pod beside it, which stays.
  const metadata = { name: 'coredns-1', namespace, labels: { 'k8s-app': 'kube-dns' } };
  await rig.client.create(podPath(), { ...pod, metadata, spec: { nodeName: 'node-1', containers } });
});

afterAll(() => rig.stop());

/** The kubelet of node-1 runs kube-proxy. */
async function podComes(): Promise<void> {
  const metadata = { name: 'kube-proxy-1', namespace, labels };
  await rig.client.create(podPath(), { ...pod, metadata, spec: { nodeName: 'node-1', containers } });
  const conditions = [{ type: 'Ready', status: 'True' }];
  await rig.client.mergePatch(`${podPath('kube-proxy-1')}/status`, { status: { conditions } });
}

/** Rounds of the operator, and of an agent that works, until that is so. */
async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const [rollouts, nodes] = [await rig.ofTerm(RolloutReconciler), await rig.ofTerm(NodeReconciler)];
  const kubeProxy = await rig.ofTerm(KubeProxyReconciler);
  await eventually(what, async () => {
    const look: string[] = [];
    await rollouts.reconcile({ node: (name) => look.push(name), kubeProxy: () => undefined });
    for (const node of look) await nodes.reconcile(node);
    await kubeProxy.reconcile();
    await agentReports();
    return condition();
  });
}

async function agentReports(): Promise<void> {
  const [state] = await rig.list<ProxyNodeState>('ProxyNodeState');
  if (state === undefined || state.status?.appliedRevision === state.spec.revision) return;
  const synced = { type: 'Synced', status: 'True', reason: 'UpToDate', message: 'fine' };
  const conditions = [{ ...synced, lastTransitionTime: '2026-01-01T00:00:00Z' }];
  await rig.put('ProxyNodeState', 'node-1', { status: { appliedRevision: state.spec.revision, conditions } }, 'status');
}

const configure = (spec: object) =>
  rig.put('ProxyConfig', 'default', { spec: { rollout: { canary: { soakSeconds: 0 } }, ...spec } });
const label = async () => (await rig.get('Node', 'node-1')).metadata.labels?.[kubeProxyLabel];
const told = async () => (await rig.get<ProxyNodeState>('ProxyNodeState', 'node-1')).spec.kubeProxy;
const affinity = async () => {
  const { spec } = await rig.client.get<KubernetesObject & typeof daemonSet>(path);
  return spec.template.spec.affinity as object;
};
const said = async () => {
  const { status } = await rig.get<ProxyConfig>('ProxyConfig', 'default');
  const found = conditionOf(status?.conditions, 'KubeProxyParked');
  return found && `${found.status} ${found.reason}`;
};

describe('an operator whose ProxyConfig says kubeProxyManagement', () => {
  test('Disabled, leaves kube-proxy alone', async () => {
    await configure({});
    await until('Ready', async () => {
      const { status } = await rig.get<ProxyConfig>('ProxyConfig', 'default');
      return conditionOf(status?.conditions, 'Ready')?.status === 'True';
    });
    expect([await label(), await said(), await affinity()]).toEqual([undefined, undefined, spread]);
  });

  test('Enabled, keeps its Pod away, and tells the agent when that has gone', async () => {
    await configure({ kubeProxyManagement: 'Enabled' });
    await until('the affinity', async () => 'nodeAffinity' in (await affinity()));
    expect(await affinity()).toMatchObject(spread);
    expect([await label(), await told(), await said()]).toEqual(['parked', undefined, 'Unknown Parking']);
    // What the kubelet does when the container has ended.
    await rig.client.delete(`${podPath('kube-proxy-1')}?gracePeriodSeconds=0`);
    await until('parked', async () => (await said()) === 'True AllNodesParked');
    expect(await told()).toBe('Parked');
    expect((await rig.get('Node', 'node-1')).metadata.labels).toMatchObject({ zone: 'a' });
    const { status } = await rig.get<ProxyConfig>('ProxyConfig', 'default');
    expect(status?.kubeProxy).toEqual({ parked: 1, restoring: 0 });
  });

  test('Disabled again, tells the agent first, and waits for the Pod', async () => {
    await configure({ kubeProxyManagement: 'Disabled' });
    await until('the label', async () => (await label()) === 'restoring');
    expect(await told()).toBeUndefined();
    await until('the DaemonSet as it was', async () => !('nodeAffinity' in (await affinity())));
    expect([await label(), await said(), await affinity()]).toEqual(['restoring', 'Unknown Restoring', spread]);
    await podComes();
    await until('back', async () => (await said()) === 'False NotManaged');
    expect(await label()).toBeUndefined();
  });

  test('ends its watches with the term', async () => {
    await (await rig.ofTerm(KubeProxyWatch)).stop();
  });
});
