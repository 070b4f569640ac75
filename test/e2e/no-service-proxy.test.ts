import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const operator = 'nftproxy-operator';

describe.skipIf(!root)('a cluster that has no service proxy yet (needs root)', { timeout: 180_000 }, () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
    await cluster.image();
    // Nobody translates the ClusterIP of the API server anywhere.
    await cluster.network.controlPlane.space.ip('address delete 10.96.0.1/32 dev lo');
    await nftproxy.applyConfig(cluster);
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  const restarts = () =>
    cluster
      .pods({ namespace: nftproxy.defaultNamespace })
      .map(({ status }) => status?.containerStatuses?.[0]?.restartCount ?? 0);

  test('the operator stays alive, and says what to do', async () => {
    await cluster.waitFor('a word about it', async () =>
      (await cluster.logs(operator)).includes('say where it really is, with --api-server or NFTPROXY_API_SERVER'),
    );
    expect(restarts()).toEqual([0]);
  });

  test('once it is told where the API server is, it and its agents work, and the ClusterIP is served', async () => {
    const { ipv4 } = cluster.network.controlPlane.addresses;
    const where = `NFTPROXY_API_SERVER=https://${ipv4}:6443`;
    await cluster.kubectl('-n', nftproxy.defaultNamespace, 'set', 'env', `deployment/${operator}`, where);
    await nftproxy.configure(cluster);
    expect(await nftproxy.rules(cluster, 'node-1')).toContain('services4');
  });

  test('other addresses of the API server restart no agent', async () => {
    const pods = () =>
      cluster.pods({ namespace: nftproxy.defaultNamespace, labels: { 'app.kubernetes.io/component': 'agent' } });
    const before = pods().map(({ metadata }) => metadata.uid);
    const slice = ['-n', 'default', 'patch', 'endpointslice', 'kubernetes', '--type=merge', '-p'];
    const { ipv4 } = cluster.network.controlPlane.addresses;
    const endpoints = [ipv4, '192.0.2.99'].map((address) => ({ addresses: [address], conditions: { ready: true } }));
    await cluster.kubectl(...slice, JSON.stringify({ endpoints }));
    const told = () =>
      cluster.kubectl('-n', nftproxy.defaultNamespace, 'get', 'configmap', 'nftproxy-api-servers', '-o', 'yaml');
    await cluster.waitFor('the ConfigMap', async () => (await told()).includes('https://192.0.2.99:6443'));
    await cluster.waitFor('the agents', async () => (await cluster.logs('nftproxy-agent')).includes('192.0.2.99'));
    await nftproxy.configure(cluster, { masqueradeAll: true });
    expect(pods().map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(restarts().every((count) => count === 0)).toBe(true);
  });
});
