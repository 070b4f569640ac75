import { afterEach, describe, expect, test } from 'vitest';
import { agentLabels } from '../../api/index.ts';
import { agentRevisionLabel } from '../cluster/index.ts';
import type { AgentDaemonSet } from '../cluster/index.ts';
import { TermRig } from '../testing/index.ts';
import { AgentsModule } from './agents.module.ts';
import { AgentTemplate } from './agent-template.ts';
import { AgentsReconciler } from './agents-reconciler.ts';
import { revisionIn } from './templates.ts';

let rig: TermRig;

afterEach(() => rig.stop());

async function start(agentApiServers: string[] = []): Promise<AgentsReconciler> {
  rig = await TermRig.start(AgentsModule, { agentApiServers });
  return rig.ofTerm(AgentsReconciler);
}

async function putApiServers(...addresses: string[]): Promise<void> {
  await rig.put('EndpointSlice', 'kubernetes', {
    metadata: { labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
  });
  const urls = addresses.map((address) => `https://${address}:6443`).join();
  await rig.seen('the API servers', ({ apiServers }) => apiServers.join() === urls);
}

const told = async () => (await rig.get<{ data: object }>('ConfigMap', 'nftproxy-api-servers')).data;
const daemonSet = () => rig.get<AgentDaemonSet>('DaemonSet', 'nftproxy-agent');

test('agents run once it is known how they reach an API server; when those change, they are told and not restarted', async () => {
  const agents = await start();
  await expect(agents.reconcile()).rejects.toThrow('--agent-api-server');
  await putApiServers('192.0.2.10', '192.0.2.11');
  await agents.reconcile();
  expect(await told()).toEqual({ given: '', found: 'https://192.0.2.10:6443\nhttps://192.0.2.11:6443\n' });
  const before = await daemonSet();
  await rig.seen('the DaemonSet', (cache) => cache.daemonSet !== undefined);
  await putApiServers('192.0.2.12');
  await agents.reconcile();
  expect(await told()).toMatchObject({ found: 'https://192.0.2.12:6443\n' });
  const after = await daemonSet();
  expect(after.spec).toEqual(before.spec);
  expect(after.metadata.generation).toBe(before.metadata.generation);
});

test('while no API server is an endpoint, agents are told those that were', async () => {
  const agents = await start();
  await putApiServers('192.0.2.10');
  await agents.reconcile();
  await rig.seen('what agents are told', (cache) => cache.apiServerMap !== undefined);
  await putApiServers();
  await agents.reconcile();
  expect(await told()).toMatchObject({ found: 'https://192.0.2.10:6443\n' });
});

test('what somebody else writes there is written over', async () => {
  const agents = await start();
  await putApiServers('192.0.2.10');
  await agents.reconcile();
  await rig.put('ConfigMap', 'nftproxy-api-servers', { data: { found: 'https://192.0.2.66:6443' } });
  await rig.seen('the change', (cache) => cache.apiServerMap?.data?.['found'] === 'https://192.0.2.66:6443');
  await agents.reconcile();
  expect(await told()).toMatchObject({ found: 'https://192.0.2.10:6443\n' });
});

test('an API server that was named on the command line is told apart from those that were found', async () => {
  const agents = await start(['https://api.example']);
  await agents.reconcile();
  expect(await told()).toEqual({ given: 'https://api.example\n', found: '' });
  await putApiServers('192.0.2.10');
  await agents.reconcile();
  expect(await told()).toEqual({ given: 'https://api.example\n', found: 'https://192.0.2.10:6443\n' });
});

describe('which agent a node has', () => {
  const old = { metadata: { labels: agentLabels }, spec: { containers: [{ name: 'agent', image: 'nftproxy:0.1.0' }] } };
  const agentPod = (revision: string) => ({
    metadata: { labels: { ...agentLabels, ...(revision !== '' && { [agentRevisionLabel]: revision }) } },
    spec: { nodeName: 'a', containers: [{ name: 'agent', image: 'nftproxy' }] },
  });
  const tell = (agentRevision?: string) =>
    rig.put('ProxyNodeState', 'a', {
      spec: {
        configRef: { name: 'default', generation: 1 },
        revision: '0123456789',
        config: {},
        ...(agentRevision !== undefined && { agentRevision }),
      },
    });
  const inForce = async () => revisionIn((await daemonSet()).spec?.template);
  /** The DaemonSet controller looks at the DaemonSet. */
  const observe = async () => {
    const observedGeneration = (await daemonSet()).metadata.generation;
    const counts = { currentNumberScheduled: 1, desiredNumberScheduled: 1, numberMisscheduled: 0, numberReady: 1 };
    await rig.put('DaemonSet', 'nftproxy-agent', { status: { ...counts, observedGeneration } }, 'status');
    await rig.seen('the DaemonSet', (cache) => cache.daemonSet?.status?.observedGeneration === observedGeneration);
  };
  /** Names of Pods that are not on their way out. */
  const pods = async () => {
    const all = await rig.list<{ metadata: { name: string; deletionTimestamp?: string } }>('Pod');
    return all.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.name);
  };

  test('is another one only once it was told so, and after the DaemonSet makes those; and it can go back', async () => {
    // As an operator left it that did not number templates.
    const agents = await start(['https://api.example']);
    await rig.put('DaemonSet', 'nftproxy-agent', { spec: { selector: { matchLabels: agentLabels }, template: old } });
    await rig.put('Node', 'a', { status: { conditions: [{ type: 'Ready', status: 'True' }] } });
    await rig.put('Node', 'a', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, 'status');
    await rig.put('Pod', 'agent-1', agentPod(''));
    await tell();
    await rig.seen('all', (cache) => cache.nodeStates.get('a') !== undefined && cache.agentPods().has('a'));
    const wanted = (await rig.ofTerm(AgentTemplate)).of()?.revision ?? '';
    await agents.reconcile();
    expect(await inForce()).toBe('');
    expect((await daemonSet()).spec?.template?.spec).toMatchObject(old.spec);

    await tell(wanted);
    await rig.seen('what it was told', (cache) => cache.nodeStates.get('a')?.spec.agentRevision === wanted);
    await agents.reconcile();
    expect(await inForce()).toBe(wanted);
    await rig.seen('the new template', ({ daemonSet: seen }) => revisionIn(seen?.spec?.template) === wanted);
    await agents.reconcile();
    expect(await pods(), 'the controller has not seen the template').toEqual(['agent-1']);
    await observe();
    await agents.reconcile();
    expect(await pods()).toEqual([]);

    await rig.put('Pod', 'agent-2', agentPod(wanted));
    await tell();
    await rig.seen('the way back', (cache) => {
      const state = cache.nodeStates.get('a');
      const pod = cache.agentPods().get('a');
      return state !== undefined && state.spec.agentRevision === undefined && pod?.revision === wanted;
    });
    await agents.reconcile();
    expect((await daemonSet()).spec?.template?.spec).toMatchObject(old.spec);
    await rig.seen('the old template', ({ daemonSet: seen }) => revisionIn(seen?.spec?.template) === '');
    await observe();
    await agents.reconcile();
    expect(await pods()).toEqual([]);
  });
});

test('a toleration that is missing takes the agents from no node that needs it, until it is one of many', async () => {
  const agents = await start(['https://api.example']);
  const gpu = { spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }] } };
  for (const name of ['a', 'b']) {
    await rig.put('Node', name, name === 'a' ? gpu : {});
    await rig.put('ProxyNodeState', name, {
      spec: { configRef: { name: 'default', generation: 1 }, revision: '0123456789', config: {} },
    });
  }
  const say = async (maxUnavailable: number, tolerations?: object[]) => {
    const agent = tolerations && { tolerations };
    await rig.put('ProxyConfig', 'default', { spec: { rollout: { maxUnavailable }, ...(agent && { agent }) } });
    const { metadata } = await rig.get('ProxyConfig', 'default');
    await rig.seen('what is said', (cache) => {
      const seen = cache.configs.get('default')?.config.metadata.resourceVersion === metadata.resourceVersion;
      return seen && cache.nodeStates.get('b') !== undefined && cache.nodes.get('a')?.taints !== undefined;
    });
    await agents.reconcile();
    return (await daemonSet()).spec?.template?.spec?.['tolerations'];
  };
  const everything = [{ operator: 'Exists' }];
  expect(await say(1)).toEqual(everything);
  await rig.seen('the DaemonSet', (cache) => cache.daemonSet !== undefined);
  await rig.put('Node', 'b', gpu);
  await rig.seen('the taint', (cache) => cache.nodes.get('b')?.taints !== undefined);
  expect(await say(1, []), 'both nodes would lose theirs').toEqual(everything);
  await rig.put('Node', 'b', { spec: { taints: [] } });
  await rig.seen('that it is gone', (cache) => cache.nodes.get('b')?.taints === undefined);
  expect(await say(1, []), 'one of two may').not.toContainEqual({ operator: 'Exists' });
});

test('in mode userspace a HAProxy runs beside agents, and otherwise where a ProxyConfig asks for it', async () => {
  await start(['https://api.example']);
  const template = await rig.ofTerm(AgentTemplate);
  const names = (spec: Parameters<AgentTemplate['of']>[0]) =>
    (template.of(spec)?.template.spec?.containers as { name: string; image: string }[]).map(({ name }) => name);
  expect(names({ mode: 'nftables' })).toEqual(['agent']);
  expect(names({ mode: 'userspace' })).toEqual(['agent', 'haproxy']);
  expect(names({ mode: 'ipvs', agent: { haproxy: {} } })).toEqual(['agent', 'haproxy']);
  const [, usual] = template.of({ mode: 'userspace' })?.template.spec?.containers ?? [];
  expect(usual).toMatchObject({ image: 'nftproxy-haproxy:test' });
  const image = { image: 'registry.example/haproxy:3.2' };
  const [, haproxy] = template.of({ mode: 'userspace', agent: { haproxy: image } })?.template.spec?.containers ?? [];
  expect(haproxy).toMatchObject(image);
});
