import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isReady, startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;

describe.skipIf(!root)('bad input (needs root)', { timeout: 180_000 }, () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
    // Somebody else's table, under our name, before any agent starts.
    await cluster.nodeExec('node-2', 'nft', 'add table inet nftproxy { comment "mine" ; }');
    await nftproxy.installOperator(cluster);
    await nftproxy.apply(cluster, nftproxy.proxyConfig());
    await inKernel('good', ['192.0.2.9']);
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  /** Makes a Service and waits until node-1 has it. */
  async function inKernel(name: string, addresses: string[]): Promise<void> {
    await nftproxy.createService(cluster, name, addresses);
    const [ip] = await nftproxy.clusterIps(cluster, name);
    await cluster.waitFor(`Service ${name} on node-1`, async () =>
      (await nftproxy.elements(cluster, 'node-1', 'services4')).some((line) => line.startsWith(`${ip} `)),
    );
  }

  test('a foreign table of our name is left alone, and reported; the other node works', async () => {
    const conditions = () =>
      cluster.kubectl('get', 'nftps', 'node-2', '-o', 'jsonpath={.status.conditions[?(@.type=="Synced")].message}');
    await cluster.waitFor('node-2 to complain', async () => (await conditions()).includes('was not made by nftproxy'));
    expect(await cluster.nodeExec('node-2', 'nft', 'list', 'table', 'inet', 'nftproxy')).toContain('comment "mine"');
    const ready = () => cluster.kubectl('get', 'nftpc', 'default', '-o', 'jsonpath={.status.nodes.ready}');
    await cluster.waitFor('one node to be ready', async () => (await ready()) === '1');
  });

  test('when the foreign table goes, the agent takes over by itself', async () => {
    await cluster.nodeExec('node-2', 'nft', 'delete', 'table', 'inet', 'nftproxy');
    await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');
    expect(await nftproxy.rules(cluster, 'node-2')).toContain('services4');
  });

  test('slices with malformed addresses and Services with impossible names harm nobody else', async ({ skip }) => {
    const { faults } = cluster.apiServer;
    if (faults === undefined) return skip('a real API server refuses such objects');
    const metadata = (name: string, labels: Record<string, string> = {}) => ({
      name,
      namespace: 'default',
      labels,
      uid: randomUUID(),
    });
    const longName = 'x'.repeat(300);
    faults.load([
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: metadata('malformed', { 'kubernetes.io/service-name': 'good' }),
        addressType: 'IPv4',
        endpoints: [
          { addresses: ['999.1.2.3'], conditions: { ready: true } },
          { addresses: ['192.0.2.10'], conditions: { ready: true } },
        ],
        ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: metadata(longName),
        spec: { clusterIP: '10.96.77.77', clusterIPs: ['10.96.77.77'], ports: [{ port: 80, protocol: 'TCP' }] },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: metadata('nonsense'),
        spec: {
          clusterIP: 'not-an-address',
          clusterIPs: ['not-an-address'],
          ports: [{ port: 99_999, protocol: 'TCP' }],
        },
      },
    ]);
    await inKernel('after-the-bad-ones', ['192.0.2.11']);
    await cluster.waitFor('the good endpoint of the bad slice', async () =>
      (await nftproxy.elements(cluster, 'node-1', 'endpoints4')).some((line) => line.endsWith(': 192.0.2.10 . 8080')),
    );
    const log = await cluster.logs('nftproxy-agent');
    expect(log).toContain('999.1.2.3');
    const events = await cluster.kubectl('get', 'events', '-A', '-o', 'jsonpath={.items[*].message}');
    expect(events).toContain('999.1.2.3');
    expect(isReady(nftproxy.agentOn(cluster, 'node-1'))).toBe(true);
  });

  test('an agent without CAP_NET_ADMIN says so', async () => {
    const agent = await nftproxy.startStandaloneAgent(cluster, 'node-1', {
      capabilities: ['net_raw'],
      arguments: ['--healthz-bind-address=127.0.0.1:20256', '--metrics-bind-address=127.0.0.1:20249'],
    });
    try {
      await cluster.waitFor('its complaint', () => agent.output.includes('CAP_NET_ADMIN'));
    } finally {
      await agent.stop(2000);
    }
  });

  test('a second agent on a node does not take the table from the first', async () => {
    const agent = await nftproxy.startStandaloneAgent(cluster, 'node-1', {
      arguments: ['--healthz-bind-address=127.0.0.1:20256', '--metrics-bind-address=127.0.0.1:20249'],
    });
    try {
      await cluster.waitFor('its complaint', () => agent.output.includes('owned by another process'));
    } finally {
      await agent.stop(2000);
    }
    await inKernel('after-the-second-agent', ['192.0.2.12']);
  });

  test('an unknown option is named', async () => {
    const main = [await cluster.program(), 'agent', '--nod-name', 'x'];
    await expect(cluster.nodeExec('node-1', process.execPath, ...main)).rejects.toThrow(/--nod-name/);
  });
});
