import { afterEach, describe, expect, test } from 'vitest';
import { agentLabels, agentRevisionLabel } from '../cluster/index.ts';
import type { AgentDaemonSet } from '../cluster/index.ts';
import type { HostPort } from '../host-port.ts';
import { TermRig } from '../testing/index.ts';
import { AgentsModule } from './agents.module.ts';
import { AgentTemplate } from './agent-template.ts';
import { AgentsReconciler } from './agents-reconciler.ts';
import { apiServerOf } from './daemon-set.ts';
import { revisionIn } from './templates.ts';

let rig: TermRig;

afterEach(() => rig.stop());

async function start(agentApiServer?: HostPort): Promise<AgentsReconciler> {
  rig = await TermRig.start(AgentsModule, agentApiServer === undefined ? {} : { agentApiServer });
  return rig.ofTerm(AgentsReconciler);
}

async function putApiServer(address: string): Promise<void> {
  await rig.put('EndpointSlice', 'kubernetes', {
    metadata: { labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
  });
  await rig.seen('the API server', ({ apiServers }) => apiServers[0]?.host === address);
}

const daemonSet = () => rig.get<AgentDaemonSet>('DaemonSet', 'nftproxy-agent');
const apiServer = async () => apiServerOf((await daemonSet()).spec?.template);

test('agents run once it is known how they reach an API server, and follow it when it moves', async () => {
  const agents = await start();
  await expect(agents.reconcile()).rejects.toThrow('--agent-api-server');
  await putApiServer('192.0.2.10');
  await agents.reconcile();
  expect(await apiServer()).toEqual({ host: '192.0.2.10', port: 6443 });
  await rig.seen('the DaemonSet', (cache) => cache.daemonSet !== undefined);
  await agents.reconcile();
  expect((await daemonSet()).metadata.generation).toBe(1);
  await putApiServer('192.0.2.11');
  await agents.reconcile();
  expect((await apiServer())?.host).toBe('192.0.2.11');
});

test('an API server that was named on the command line decides alone', async () => {
  const agents = await start({ host: 'api.example', port: 443 });
  await putApiServer('192.0.2.10');
  await agents.reconcile();
  expect(await apiServer()).toEqual({ host: 'api.example', port: 443 });
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
    rig = await TermRig.start(AgentsModule, { agentApiServer: { host: 'api.example', port: 443 } });
    await rig.put('DaemonSet', 'nftproxy-agent', { spec: { selector: { matchLabels: agentLabels }, template: old } });
    await rig.put('Node', 'a', { status: { conditions: [{ type: 'Ready', status: 'True' }] } });
    await rig.put('Node', 'a', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, 'status');
    await rig.put('Pod', 'agent-1', agentPod(''));
    await tell();
    await rig.seen('all', (cache) => cache.nodeStates.get('a') !== undefined && cache.agentPods().has('a'));
    const agents = await rig.ofTerm(AgentsReconciler);
    const wanted = (await rig.ofTerm(AgentTemplate)).current()?.revision ?? '';
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
