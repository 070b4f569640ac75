import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditionOf } from '../../src/api/index.ts';
import { ApiClient, resourcePath } from '../../src/kubernetes/index.ts';
import type { Lease } from '../../src/kubernetes/index.ts';
import { startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
/** Not that which config/default names: everything is to follow an overlay's. */
const installation = { namespace: 'elsewhere', image: 'registry.example/of/mine/nftproxy' };
const { namespace } = installation;

describe.skipIf(!root)('an agent of which nothing is heard any more (needs root)', { timeout: 240_000 }, () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
    await nftproxy.installOperator(cluster, installation);
    await nftproxy.configure(cluster);
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  const field = (object: string, path: string) =>
    cluster.kubectl('get', ...object.split('/'), '-o', `jsonpath={${path}}`);
  const condition = (object: string, type: string, what: 'status' | 'reason') =>
    field(object, `.status.conditions[?(@.type=="${type}")].${what}`);
  const renewTime = async (name: string): Promise<string | undefined> => {
    const path = resourcePath({ group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespace, name });
    return (await cluster.client.get<Lease>(path)).spec?.renewTime;
  };
  /** It takes up to a minute by design, and longer on a busy machine. */
  const untilSilent = () => {
    const silent = async () => (await nftproxy.configOf(cluster)).status?.nodes?.silent === 2;
    return cluster.waitFor('status to say that nothing is heard of the agents', silent, 150);
  };
  const restore = async () => {
    await nftproxy.applyConfig(cluster, installation);
    await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=120s');
  };

  test('all of it is in the namespace and of the image that the overlay names', () => {
    const pods = cluster.pods().filter(({ metadata }) => metadata.name.startsWith('nftproxy-'));
    expect(pods.map(({ metadata }) => metadata.namespace)).toEqual(pods.map(() => namespace));
    expect(pods.map(({ spec }) => spec.containers[0]?.image)).toEqual(pods.map(() => installation.image));
    // An operator, and an agent on each node.
    expect(pods).toHaveLength(1 + cluster.nodes.length);
  });

  test('each agent has a Lease of its node’s name, which goes with the Node', async () => {
    for (const node of cluster.nodes) {
      await cluster.waitFor('a Lease', async () => (await renewTime(node.name)) !== undefined);
      const owner = await cluster.kubectl(
        ...['get', 'lease', node.name, '-n', namespace, '-o', 'jsonpath={.metadata.ownerReferences[0].uid}'],
      );
      expect(owner).toBe(await field(`node/${node.name}`, '.metadata.uid'));
      const first = await renewTime(node.name);
      await cluster.waitFor('it to be renewed', async () => (await renewTime(node.name)) !== first);
    }
  });

  // The TypeScript API server has no admission policies.
  test.runIf(process.env['KUBEBUILDER_ASSETS'])(
    'no agent can give a sign of life in the place of another',
    async () => {
      const { metadata } = nftproxy.agentOn(cluster, 'node-1');
      const pod = { name: metadata.name, uid: metadata.uid ?? '', nodeName: 'node-1' };
      const subject = { namespace, serviceAccount: 'nftproxy-agent', pod };
      const token = await cluster.apiServer.issueToken(subject);
      const { url: server, certificateAuthority: ca } = cluster.apiServer;
      const authorization = () => Promise.resolve(`Bearer ${token}`);
      const agent = new ApiClient({ server, tls: () => Promise.resolve({ ca }), authorization });
      const lease = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespace };
      const renewal = { spec: { renewTime: '2030-01-01T00:00:00.000000Z' } };
      const patch = (name: string) => agent.mergePatch(resourcePath({ ...lease, name }), renewal);
      await expect(patch('node-2')).rejects.toThrow('may only write the ProxyNodeState and the Lease of the node');
      await expect(patch('nftproxy-operator')).rejects.toThrow('denied request');
      await patch('node-1');
      const state = { group: 'nftproxy.io', version: 'v1alpha1', plural: 'proxynodestates', subresource: 'status' };
      const report = (name: string) => agent.mergePatch(resourcePath({ ...state, name }), { status: { services: 7 } });
      await expect(report('node-2')).rejects.toThrow('may only write the ProxyNodeState and the Lease of the node');
      await report('node-1');
      await agent.close();
    },
  );

  test.runIf(process.env['KUBEBUILDER_ASSETS'])('the operator can create no CRDs but its own', async () => {
    const own = await cluster.kubectl('get', 'crd', 'proxyconfigs.nftproxy.io', '-o', 'json');
    const { spec, ...crd } = JSON.parse(own.replaceAll('nftproxy.io', 'example.io')) as Record<string, unknown>;
    const foreign = JSON.stringify({ ...crd, metadata: { name: 'proxyconfigs.example.io' }, spec });
    const as = [`--as=system:serviceaccount:${namespace}:nftproxy-operator`];
    const create = (...args: string[]) => cluster.kubectlWithInput(foreign, 'create', '-f', '-', ...args);
    await expect(create(...as)).rejects.toThrow('may only create its own CustomResourceDefinitions');
  });

  test('when agents have lost their rights and restart, they are not ready, their nodes Unknown, the config not Ready', async () => {
    await cluster.kubectl('delete', 'clusterrolebinding', 'nftproxy-agent');
    for (const node of cluster.nodes) process.kill(cluster.pid(nftproxy.agentOn(cluster, node.name)), 'SIGKILL');
    await untilSilent();
    for (const node of cluster.nodes) {
      expect(await condition(`nftps/${node.name}`, 'Synced', 'status')).toBe('Unknown');
      expect(await condition(`nftps/${node.name}`, 'Synced', 'reason')).toBe('AgentSilent');
    }
    expect(await condition('nftpc/default', 'Ready', 'status')).not.toBe('True');
    expect(await condition('nftpc/default', 'Degraded', 'reason')).toBe('NodesSilent');
    expect((await field('nftpc/default', '.status.silentNodes[*].name')).split(' ').sort()).toEqual(
      cluster.nodes.map(({ name }) => name).sort(),
    );
    const events = await cluster.kubectl('get', 'events', '-A', '-o', 'jsonpath={.items[*].reason}');
    expect(events.split(' ')).toContain('NodesSilent');
  });

  test('with their rights back they are heard of again, and the config is Ready', async () => {
    await restore();
    expect(await field('nftpc/default', '.status.nodes.silent')).toBe('0');
    // Their Pods become ready in their own time.
    await cluster.waitFor('nothing to be degraded', async () => {
      const { status } = await nftproxy.configOf(cluster);
      return conditionOf(status?.conditions, 'Degraded')?.status === 'False';
    });
  });
});
