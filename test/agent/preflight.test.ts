import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conditionOf } from '../../src/api/index.ts';
import { resourcePath } from '../../src/kubernetes/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import { AgentRig } from './agent-rig.ts';
import { addresses, loadBalancer, slice } from '../support/node/index.ts';

let host: AgentRig;

beforeAll(async () => {
  host = await AgentRig.create({ rbac: true });
  await host.publishCRDs();
  await host.service('web', loadBalancer());
  await host.slice('web-4', slice('web', 4, ['localPod']));
  await host.assign();
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

const tables = () => host.nft('list', 'tables');
const message = async (type: string) => conditionOf((await host.nodeState()).status?.conditions, type)?.message;

/** Gives a group of users of the API server a role. */
async function allow(group: string, rules: readonly object[]): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  const role = { apiVersion: `${apiGroup}/v1`, kind: 'ClusterRole', metadata: { name: group }, rules };
  const path = { group: apiGroup, version: 'v1', name: group };
  const apply = { fieldManager: 'test', force: true };
  await host.client.apply(resourcePath({ ...path, plural: 'clusterroles' }), role, apply);
  const binding = {
    ...{ apiVersion: `${apiGroup}/v1`, kind: 'ClusterRoleBinding', metadata: { name: group } },
    roleRef: { apiGroup, kind: 'ClusterRole', name: group },
    subjects: [{ apiGroup, kind: 'Group', name: group }],
  };
  await host.client.apply(resourcePath({ ...path, plural: 'clusterrolebindings' }), binding, apply);
}

describe('a node whose agent may not change the kernel', () => {
  it('says so, with what to do, and nothing is written', async () => {
    const agent = host.startAssignedAgent({ capabilities: [] });
    await host.until('a word about it', async () => (await host.condition('Preflight')) === 'False Blocking', agent);
    await host.until('refusal', async () => (await host.condition('Synced')) === 'False PreflightBlocking', agent);
    expect(await host.condition('Degraded')).toBe('True PreflightBlocking');
    expect(await message('Preflight')).toContain('Give the agent CAP_NET_ADMIN');
    expect((await host.nodeState()).status?.appliedRevision).toBeUndefined();
    expect(await tables()).toBe('');
    await agent.end('SIGTERM');
  });
});

describe('a node with all that is needed', () => {
  const head = { apiGroups: ['nftproxy.io'], verbs: ['get', 'list', 'watch', 'patch'] };
  let agent: ManagedProcess;

  it('has said so before anything is written', async () => {
    // It reads its ProxyNodeState and nothing else yet: so it cannot know what to write.
    await allow('early', [{ ...head, resources: ['proxynodestates', 'proxynodestates/status'] }]);
    const kubeconfig = await host.kubeconfigOf('early');
    agent = host.startAssignedAgent({ capabilities: ['net_admin'] }, kubeconfig);
    await host.until('a look', async () => (await host.condition('Preflight')) === 'True Passed', agent);
    expect([await host.condition('Synced'), await tables()]).toEqual(['Unknown Starting', '']);
    await allow('early', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]);
    await host.firstSync(agent);
    expect(await tables()).toContain('table inet nftproxy');
    expect(await host.condition('Preflight')).toBe('True Passed');
  });

  it('is served, and nftproxy preflight takes nobody for kube-proxy but kube-proxy', async () => {
    const [answer] = await host.request('clientPod', { protocol: 'tcp', address: addresses[4].clusterIP, port: 80 });
    expect(answer?.error).toBeUndefined();
    const { stdout } = await host.nftproxy('preflight');
    expect(stdout).toContain('Passed    kube-proxy        does not run here; nftproxy has its ports');
  });

  it('is told of what has become otherwise when other settings come', async () => {
    await host.node.run('nft', [
      'add table ip fw; add chain ip fw f { type filter hook forward priority 0; policy drop; }',
    ]);
    await host.assign({ masqueradeAll: true });
    await host.until('a warning', async () => (await host.condition('Preflight')) === 'True Warnings', agent);
    expect(await message('Preflight')).toMatch(/^foreign-rules: .* ip fw f\. See that their rules accept/);
    await host.until('the settings', async () => (await host.condition('Synced')) === 'True UpToDate', agent);
    expect(await host.condition('Degraded')).toBe('False AsExpected');
  });
});
