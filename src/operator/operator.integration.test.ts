import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiServer } from '../../test/apiserver/index.ts';
import { startKubeApiServer } from '../../test/cluster/index.ts';
import { conditionOf } from '../api/index.ts';
import type { Condition, ProxyConfig, ProxyConfigSpec, ProxyNodeState } from '../api/index.ts';
import { ApiClient, isNotFound, loadConnection, resourcePath } from '../kubernetes/index.ts';
import { createLogger } from '../runtime/index.ts';
import { runOperator } from './run-operator.ts';
import type { RunningOperator } from './run-operator.ts';

// The operator against an API server: the TypeScript one of test/cluster, or with KUBEBUILDER_ASSETS a real one.
// What nodes and their agents would report, the tests write.

const patience = 30_000;
const namespace = 'nftproxy-system';
const nftproxy = { group: 'nftproxy.io', version: 'v1alpha1' };

let directory: string;
let kubeconfig: string;
let stopServer: () => Promise<void>;
let client: ApiClient;
let operator: RunningOperator;

function startOperator(identity: string): Promise<RunningOperator> {
  const logging = { logFormat: 'text', logLevel: 'debug' } as const;
  const options = {
    kubeconfig,
    namespace,
    identity,
    image: 'nftproxy:test',
    httpPort: 0,
    leaderElect: true,
    manageCrds: true,
    manageKubeProxy: true,
    kubeProxy: { namespace: 'kube-system', name: 'kube-proxy' },
    apiServers: [],
    agentApiServers: [],
  };
  const write = (line: string) => (process.env['VERBOSE'] ? process.stderr.write(line) : undefined);
  return runOperator({ ...options, ...logging }, createLogger({ format: 'text', level: 'debug', write }));
}

const configPath = (name?: string) => resourcePath({ ...nftproxy, plural: 'proxyconfigs', ...(name && { name }) });
const statePath = (name: string) => resourcePath({ ...nftproxy, plural: 'proxynodestates', name });
const daemonSetPath = resourcePath({
  group: 'apps',
  version: 'v1',
  plural: 'daemonsets',
  namespace,
  name: 'nftproxy-agent',
});

const apiServerMapPath = resourcePath({
  version: 'v1',
  plural: 'configmaps',
  namespace,
  name: 'nftproxy-api-servers',
});

/** Asks until the answer will do; a 404 counts as "not yet". */
async function eventually<T>(what: string, look: () => Promise<T>, good: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + patience;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await look();
      last = value;
      if (good(value)) return value;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    await sleep(50);
  }
  throw new Error(`not ${what} after ${patience / 1000} s; last seen: ${JSON.stringify(last, undefined, 1)}`);
}

/** All nodes at once, for the stories that are not about rollouts. */
const atOnce = { canary: { nodes: 0 }, maxUnavailable: '100%', maxFailed: 10, onFailure: 'Pause' } as const;

function createConfig(name: string, given: ProxyConfigSpec): Promise<ProxyConfig> {
  const spec = { rollout: atOnce, ...given };
  const body = { apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyConfig', metadata: { name }, spec };
  return client.create(configPath(), body);
}

async function createNode(name: string, labels: Record<string, string> = {}): Promise<void> {
  const path = resourcePath({ version: 'v1', plural: 'nodes' });
  await client.create(path, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
  await setNodeReady(name, true);
}

async function setNodeReady(name: string, ready: boolean): Promise<void> {
  const path = resourcePath({ version: 'v1', plural: 'nodes', name, subresource: 'status' });
  const condition = { type: 'Ready', status: ready ? 'True' : 'Unknown', reason: 'Test', message: 'test' };
  const now = new Date().toISOString();
  const conditions = [{ ...condition, lastHeartbeatTime: now, lastTransitionTime: now }];
  await client.mergePatch(path, { status: { conditions } });
}

const getConfig = (name: string) => client.get<ProxyConfig>(configPath(name));
const getState = (name: string) => client.get<ProxyNodeState>(statePath(name));

function untilStateOf(node: string, good: (state: ProxyNodeState) => boolean): Promise<ProxyNodeState> {
  return eventually(`as it should be on ${node}`, () => getState(node), good);
}

function untilReady(name: string, status: string, reason: string): Promise<ProxyConfig> {
  return eventually(
    `Ready=${status} for ${reason}`,
    () => getConfig(name),
    (config) => {
      const ready = conditionOf(config.status?.conditions, 'Ready');
      const current = config.status?.observedGeneration === config.metadata.generation;
      return current && ready?.status === status && ready.reason === reason;
    },
  );
}

/** What the agent of a node writes after it has taken over what its ProxyNodeState says. */
async function agentReports(node: string, failure?: string): Promise<void> {
  const { spec, metadata } = await getState(node);
  const condition = {
    type: 'Synced',
    status: failure === undefined ? 'True' : 'False',
    reason: failure === undefined ? 'UpToDate' : 'SyncFailing',
    message: failure ?? 'fine',
    lastTransitionTime: '2026-11-22T00:00:00Z',
    observedGeneration: metadata.generation,
  };
  const applied = failure === undefined ? { appliedRevision: spec.revision } : {};
  const status = { ...applied, conditions: [condition] };
  const body = { apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyNodeState', metadata: { name: node }, status };
  await client.apply(`${statePath(node)}/status`, body, { fieldManager: 'nftproxy-agent', force: true });
}

const isTrue = (conditions: Condition[] | undefined, type: string) => conditionOf(conditions, type)?.status === 'True';

async function eventReasons(name: string): Promise<string[]> {
  const path = resourcePath({ group: 'events.k8s.io', version: 'v1', plural: 'events', namespace: 'default' });
  const { items } = await client.listAll<{ reason: string; regarding?: { name?: string } }>(path);
  return items.filter(({ regarding }) => regarding?.name === name).map(({ reason }) => reason);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nftproxy-operator-'));
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets) {
    const server = await startKubeApiServer(assets, directory);
    [kubeconfig, stopServer] = [server.kubeconfig, () => server.close()];
  } else {
    const server = await startApiServer({ dataDirectory: directory });
    [kubeconfig, stopServer] = [server.kubeconfig, () => server.stop()];
  }
  client = new ApiClient(await loadConnection({ kubeconfig }));
  await client.create(resourcePath({ version: 'v1', plural: 'namespaces' }), { metadata: { name: namespace } });
  for (const name of ['node-1', 'node-2', 'node-3'])
    await createNode(name, { pool: name === 'node-3' ? 'edge' : 'core' });
  await client.apply(
    resourcePath({
      group: 'discovery.k8s.io',
      version: 'v1',
      plural: 'endpointslices',
      namespace: 'default',
      name: 'kubernetes',
    }),
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'kubernetes', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.10'], conditions: { ready: true } }],
      ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
    },
    { fieldManager: 'test', force: true },
  );
  operator = await startOperator('first');
}, 90_000);

afterAll(async () => {
  await operator.stop();
  await client.close();
  await stopServer();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

describe('an operator on a fresh cluster', { timeout: 2 * patience }, () => {
  test('becomes ready over HTTP, installs the CRDs and runs agents, which it tells where the API server is', async () => {
    await eventually(
      'ready',
      () => request(operator.url).get('/readyz'),
      ({ status, text }) => {
        return status === 200 && text.includes('[+]caches: complete');
      },
    );
    await eventually(
      'there',
      () => client.get(daemonSetPath),
      () => true,
    );
    expect((await client.get<{ data: object }>(apiServerMapPath)).data).toEqual({
      given: '',
      found: 'https://192.0.2.10:6443\n',
    });
    const { text } = await request(operator.url).get('/metrics').expect(200);
    expect(text).toContain('nftproxy_operator_leader 1');
  });

  test('refuses a ProxyConfig that makes no sense, naming the field', async () => {
    const wrong = { loadBalancing: { algorithm: 'fastest' } } as unknown as ProxyConfigSpec;
    await expect(createConfig('wrong', wrong)).rejects.toThrow('spec.loadBalancing.algorithm');
    await expect(createConfig('wrong', { detectLocal: { mode: 'BridgeInterface' } })).rejects.toThrow(
      'spec.detectLocal.bridgeInterface',
    );
    await expect(createConfig('wrong', { clusterCIDRs: ['10.0.0.0'] })).rejects.toThrow(
      /spec\.clusterCIDRs: .*every entry must be a CIDR such as 10\.244\.0\.0\/16/,
    );
    await expect(createConfig('x'.repeat(64), {})).rejects.toThrow('at most 63 characters');
  });

  test('gives every node the configuration, and says Ready when all have applied it', async () => {
    const created = await createConfig('default', { clusterCIDRs: ['10.244.0.0/16'] });
    expect(created.status).toEqual({ observedGeneration: -1 });
    for (const node of ['node-1', 'node-2', 'node-3']) {
      const state = await untilStateOf(node, ({ spec }) => spec.configRef.name === 'default');
      expect(state.spec.config.clusterCIDRs).toEqual(['10.244.0.0/16']);
      expect(state.metadata).toMatchObject({ ownerReferences: [{ kind: 'Node', name: node }] });
    }
    const rolling = await untilReady('default', 'Unknown', 'RollingOut');
    expect(conditionOf(rolling.status?.conditions, 'Reconciling')?.status).toBe('True');
    for (const node of ['node-1', 'node-2', 'node-3']) await agentReports(node);
    const { status } = await untilReady('default', 'True', 'AllNodesSynced');
    expect(status?.nodes).toEqual({
      matching: 3,
      updated: 3,
      ready: 3,
      failed: 0,
      pending: 0,
      silent: 0,
      ignored: 0,
      uncovered: 0,
    });
    expect(status?.currentRevision).toBe(status?.updateRevision);
    expect(conditionOf(status?.conditions, 'Reconciling')).toBeUndefined();
    const reasons = await eventually(
      'recorded',
      () => eventReasons('default'),
      (all) => all.length > 0,
    );
    expect(reasons).toContain('RolloutStarted');
  });

  test('a change of the spec goes to all nodes; one that cannot is named', async () => {
    const { status: before } = await getConfig('default');
    await client.mergePatch(configPath('default'), { spec: { masqueradeAll: true } });
    for (const node of ['node-1', 'node-2', 'node-3']) {
      await untilStateOf(node, ({ spec }) => spec.config.masqueradeAll);
      await agentReports(node, node === 'node-2' ? 'the kernel has no map of verdicts' : undefined);
    }
    const { status } = await untilReady('default', 'False', 'NodesFailing');
    // So many failures are allowed here that it is taken for rolled out.
    expect(status?.currentRevision).not.toBe(before?.currentRevision);
    expect(status?.failedNodes).toEqual([
      { name: 'node-2', reason: 'SyncFailing', message: 'the kernel has no map of verdicts' },
    ]);
    expect(conditionOf(status?.conditions, 'Degraded')).toMatchObject({ status: 'True', reason: 'NodesFailing' });
    await eventually(
      'recorded',
      () => eventReasons('default'),
      (all) => all.includes('NodeSyncFailed'),
    );
    await agentReports('node-2');
    await untilReady('default', 'True', 'AllNodesSynced');
  });

  test('a node that is NotReady is not waited for', async () => {
    await setNodeReady('node-2', false);
    await client.mergePatch(configPath('default'), { spec: { masqueradeAll: false } });
    for (const node of ['node-1', 'node-3']) {
      await untilStateOf(node, ({ spec }) => !spec.config.masqueradeAll);
      await agentReports(node);
    }
    const { status } = await untilReady('default', 'True', 'AllNodesSynced');
    expect(status?.nodes).toMatchObject({ matching: 3, ready: 2, ignored: 1 });
    await setNodeReady('node-2', true);
    await untilReady('default', 'Unknown', 'RollingOut');
    await untilStateOf('node-2', ({ spec }) => !spec.config.masqueradeAll);
    await agentReports('node-2');
    await untilReady('default', 'True', 'AllNodesSynced');
  });

  test('a config of higher priority takes its nodes, and gives them back when it is deleted', async () => {
    await createConfig('edge', {
      priority: 10,
      nodeSelector: { matchExpressions: [{ key: 'pool', operator: 'In', values: ['edge'] }] },
      loadBalancing: { algorithm: 'maglev' },
    });
    await untilStateOf('node-3', ({ spec }) => spec.configRef.name === 'edge');
    expect((await getState('node-1')).spec.configRef.name).toBe('default');
    await eventually(
      '2 nodes',
      () => getConfig('default'),
      ({ status }) => status?.nodes?.matching === 2,
    );

    await client.mergePatch(resourcePath({ version: 'v1', plural: 'nodes', name: 'node-3' }), {
      metadata: { labels: { pool: 'core' } },
    });
    await untilStateOf('node-3', ({ spec }) => spec.configRef.name === 'default');
    await untilReady('edge', 'False', 'NoMatchingNode');
    await client.mergePatch(resourcePath({ version: 'v1', plural: 'nodes', name: 'node-3' }), {
      metadata: { labels: { pool: 'edge' } },
    });
    await untilStateOf('node-3', ({ spec }) => spec.configRef.name === 'edge');

    await client.delete(configPath('edge'));
    await untilStateOf('node-3', ({ spec }) => spec.configRef.name === 'default');
    await agentReports('node-3');
    await untilReady('default', 'True', 'AllNodesSynced');
  });

  test('a config that loses everywhere says so', async () => {
    await createConfig('loser', { priority: -1 });
    const { status } = await untilReady('loser', 'False', 'Shadowed');
    expect(conditionOf(status?.conditions, 'Accepted')).toMatchObject({ status: 'False', reason: 'Shadowed' });
    await eventually(
      'recorded',
      () => eventReasons('loser'),
      (all) => all.includes('ConfigShadowed'),
    );
    await client.delete(configPath('loser'));
  });

  test('a new node is told at once', async () => {
    await createNode('node-4');
    await untilStateOf('node-4', ({ spec }) => spec.configRef.name === 'default');
    await client.delete(resourcePath({ version: 'v1', plural: 'nodes', name: 'node-4' }));
    await eventually(
      '3 nodes',
      () => getConfig('default'),
      ({ status }) => status?.nodes?.matching === 3,
    );
  });

  const staged = {
    canary: { nodes: 1, soakSeconds: 1 },
    maxUnavailable: 1,
    maxFailed: 1,
    onFailure: 'Rollback',
    progressDeadlineSeconds: 60,
  };
  const masquerades = async (node: string) => (await getState(node)).spec.config.masqueradeAll;

  test('a change goes to the canary, then node by node, also when the operator is replaced on the way', async () => {
    await client.mergePatch(configPath('default'), { spec: { rollout: staged } });
    await client.mergePatch(configPath('default'), { spec: { masqueradeAll: true } });
    await untilStateOf('node-1', ({ spec }) => spec.config.masqueradeAll);
    await untilReady('default', 'Unknown', 'CanaryInProgress');
    expect([await masquerades('node-2'), await masquerades('node-3')]).toEqual([false, false]);
    await agentReports('node-1');
    await untilStateOf('node-2', ({ spec }) => spec.config.masqueradeAll);
    await untilReady('default', 'Unknown', 'RollingOut');
    await operator.stop();
    operator = await startOperator('another');
    await eventually(
      'leading',
      () => request(operator.url).get('/readyz'),
      ({ text }) => text.includes('complete'),
    );
    await sleep(1500);
    expect(await masquerades('node-3')).toBe(false);
    await agentReports('node-2');
    await untilStateOf('node-3', ({ spec }) => spec.config.masqueradeAll);
    await agentReports('node-3');
    const { status } = await untilReady('default', 'True', 'AllNodesSynced');
    expect(status).toMatchObject({ rollout: { phase: 'Complete' }, nodes: { updated: 3, ready: 3 } });
    expect(status?.currentRevision).toBe(status?.updateRevision);
  });

  test('a change that fails on the canary goes back, hits nobody else, and says where and why', async () => {
    const { status: before } = await getConfig('default');
    await client.mergePatch(configPath('default'), { spec: { masqueradeAll: false } });
    await untilStateOf('node-1', ({ spec }) => !spec.config.masqueradeAll);
    await agentReports('node-1', 'the kernel refuses it');
    const back = await untilStateOf('node-1', ({ spec }) => spec.config.masqueradeAll);
    expect(back.spec.revision).toBe(before?.currentRevision);
    const { status } = await untilReady('default', 'False', 'RolloutFailed');
    expect(status?.failedNodes).toEqual([{ name: 'node-1', reason: 'SyncFailing', message: 'the kernel refuses it' }]);
    expect(conditionOf(status?.conditions, 'Stalled')).toMatchObject({ status: 'True', reason: 'RolloutFailed' });
    expect(conditionOf(status?.conditions, 'Reconciling')).toBeUndefined();
    expect([await masquerades('node-2'), await masquerades('node-3')]).toEqual([true, true]);
    // A node that joins now gets what works.
    await createNode('node-5');
    const joined = await untilStateOf('node-5', ({ spec }) => spec.configRef.name === 'default');
    expect(joined.spec.revision).toBe(before?.currentRevision);
    await client.delete(resourcePath({ version: 'v1', plural: 'nodes', name: 'node-5' }));
    await eventually(
      'recorded',
      () => eventReasons('default'),
      (all) => ['RolloutFailed', 'RolledBack'].every((reason) => all.includes(reason)),
    );
    // Nothing happens until somebody edits the spec; taking it back is all it needs.
    await client.mergePatch(configPath('default'), { spec: { masqueradeAll: true, rollout: atOnce } });
    await agentReports('node-1');
    await untilReady('default', 'True', 'AllNodesSynced');
  });

  test('what others change in its objects comes back', async () => {
    await client.mergePatch(daemonSetPath, { spec: { template: { spec: { priorityClassName: 'none' } } } });
    await client.mergePatch(statePath('node-1'), { spec: { revision: '0000000000' } });
    await untilStateOf('node-1', ({ spec }) => spec.revision !== '0000000000');
    const look = () => client.get<{ spec: { template: { spec: { priorityClassName?: string } } } }>(daemonSetPath);
    await eventually('back', look, ({ spec }) => spec.template.spec.priorityClassName === 'system-node-critical');
    await client.delete(daemonSetPath);
    await eventually('made anew', look, ({ spec }) => spec.template.spec.priorityClassName === 'system-node-critical');
  });

  test('a second operator stands by, and takes over at once when the first one stops', async () => {
    const second = await startOperator('second');
    try {
      const { text } = await request(second.url).get('/readyz').expect(200);
      expect(text).toContain('standing by');
      await operator.stop();
      await eventually(
        'leading',
        () => request(second.url).get('/readyz'),
        ({ text: seen }) => seen.includes('complete'),
      );
      await client.mergePatch(configPath('default'), { spec: { masqueradeAll: false } });
      await untilStateOf('node-1', ({ spec }) => !spec.config.masqueradeAll);
    } finally {
      await second.stop();
    }
    operator = await startOperator('third');
  });

  test('settings of agents are refused that make no sense, and reach the nodes that are told them', async () => {
    const agent = (given: object) => client.mergePatch(configPath('default'), { spec: { agent: given } });
    await expect(agent({ resources: { requests: { memory: '2Gi' }, limits: { memory: 1024 } } })).rejects.toThrow(
      'requests.memory must not be above limits.memory',
    );
    await expect(agent({ resources: { limits: { cpu: 'many' } } })).rejects.toThrow('must be a quantity such as 100m');
    await expect(agent({ extraArgs: ['--log-level=debug'] })).rejects.toThrow('use spec.agent.logLevel');
    await expect(agent({ metricsBindAddress: '[::1]:10256' })).rejects.toThrow('need ports of their own');
    const before = (await getState('node-1')).spec.agentRevision;
    await agent({ extraArgs: ['--log-format=json'], resources: { limits: { memory: '1Gi' } } });
    const { spec } = await untilStateOf('node-1', (state) => state.spec.agentRevision !== before);
    interface Templates {
      metadata: { annotations?: Record<string, string> };
      spec: { template: { metadata: { labels: Record<string, string> } } };
    }
    const daemonSet = await eventually(
      'what most nodes were told',
      () => client.get<Templates>(daemonSetPath),
      (found) => found.spec.template.metadata.labels['nftproxy.io/agent-revision'] === spec.agentRevision,
    );
    expect(JSON.stringify(daemonSet.spec)).toContain('"--log-format=json"');
    const kept = Object.keys(
      JSON.parse(daemonSet.metadata.annotations?.['nftproxy.io/agent-templates'] ?? '{}') as object,
    );
    expect(kept).toEqual(expect.arrayContaining([before, spec.agentRevision]));
    await client.mergePatch(configPath('default'), { spec: { agent: null } });
    await untilStateOf('node-1', (state) => state.spec.agentRevision === before);
  });

  test('a node that no config governs any more keeps what it has, and says so', async () => {
    const { spec } = await getState('node-1');
    await client.delete(configPath('default'));
    const state = await untilStateOf('node-1', ({ status }) => isTrue(status?.conditions, 'Uncovered'));
    expect(state.spec).toEqual(spec);
    expect(conditionOf(state.status?.conditions, 'Synced')?.status).toBe('True');
  });
});
