import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { CommandError } from '../support/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;

describe.skipIf(!root)('from kubectl apply to a packet (needs root)', { timeout: 180_000 }, () => {
  let cluster: Cluster;
  let ips: string[];

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 3 });
    await nftproxy.installOperator(cluster);
    await nftproxy.apply(cluster, ...nftproxy.echo(3));
    await nftproxy.configure(cluster);
    await cluster.kubectl('rollout', 'status', 'deployment/echo', '--timeout=60s');
    await cluster.runClientPod('client', 'node-1');
    ips = await nftproxy.clusterIps(cluster, 'echo');
    await endpointsInKernel(3);
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  async function endpointsInKernel(count: number): Promise<void> {
    await cluster.waitFor(`${count} endpoints on every node`, async () => {
      for (const node of cluster.nodes) {
        for (const map of ['endpoints4', 'endpoints6']) {
          const ours = (await nftproxy.elements(cluster, node.name, map)).filter((line) =>
            ips.some((ip) => line.startsWith(`${ip} `)),
          );
          if (ours.length !== count) return false;
        }
      }
      return true;
    });
  }

  test('every node holds the Service as elements of its maps', async () => {
    for (const node of cluster.nodes) {
      const services = await nftproxy.elements(cluster, node.name, 'services4');
      expect(services.filter((line) => line.startsWith(`${ips[0]} . tcp . 80 : goto`))).toHaveLength(1);
    }
  });

  test('requests through the ClusterIP reach every pod, over IPv4 and IPv6', async () => {
    for (const ip of ips) {
      const result = await nftproxy.request(cluster, 'client', ip, 100);
      expect(result.failures).toEqual([]);
      expect(Object.keys(result.answers)).toHaveLength(3);
    }
  });

  test('a process on a node reaches the Service too', async () => {
    const script = `console.log((await fetch('http://${ips[0]}/')).status)`;
    expect((await cluster.nodeExec('node-2', process.execPath, '-e', script)).trim()).toBe('200');
  });

  test('the API server is reachable through the ClusterIP of the kubernetes Service', async () => {
    const script = `process.env.NODE_TLS_REJECT_UNAUTHORIZED='0'; console.log((await fetch('https://10.96.0.1/version')).status)`;
    const status = await cluster.exec('client', process.execPath, '--no-warnings', '-e', script);
    expect(Number(status)).toBeGreaterThanOrEqual(200);
  });

  test('kubectl get shows what a person wants to know', async () => {
    const lines = (await cluster.kubectl('get', 'nftpc,nftps')).split('\n');
    expect(lines[0]).toMatch(
      /NAME +MODE +ALGORITHM +PRIORITY +NODES +UPDATED +READY-NODES +FAILED +PHASE +READY +REASON +DEGRADED +AGE/,
    );
    expect(lines[1]).toMatch(
      /proxyconfig.nftproxy.io\/default +nftables +random +0 +3 +3 +3 +0 +Complete +True +AllNodesSynced/,
    );
    const nodes = lines.filter((line) => line.startsWith('proxynodestate.nftproxy.io/node-'));
    expect(nodes).toHaveLength(3);
    for (const line of nodes) expect(line).toMatch(/default +([0-9a-f]+) +\1 +True/);
  });

  test('an invalid ProxyConfig is refused by the API with a message that names the field', async () => {
    const refused = (spec: object) =>
      nftproxy.apply(cluster, nftproxy.proxyConfig(spec)).then(
        () => 'accepted',
        (error: unknown) => (error instanceof CommandError ? error.stderr : String(error)),
      );
    expect(await refused({ mode: 'carrier-pigeon' })).toContain('spec.mode');
    expect(await refused({ loadBalancing: { algorithm: 'roundrobin' } })).toContain('spec.loadBalancing.algorithm');
    expect(await refused({ loadBalancing: { maglev: { tableSize: 1000 } } })).toContain('tableSize');
    expect(await refused({ detectLocal: { mode: 'BridgeInterface' } })).toContain('bridgeInterface');
  });

  test('a changed ProxyConfig reaches every node, and Ready means that all have it', async () => {
    const revision = () => cluster.kubectl('get', 'nftps', '-o', 'jsonpath={.items[*].status.appliedRevision}');
    const before = new Set((await revision()).split(' '));
    await nftproxy.configure(cluster, { masqueradeAll: true });
    const after = new Set((await revision()).split(' '));
    expect(after.size).toBe(1);
    expect(before).not.toEqual(after);
    const result = await nftproxy.request(cluster, 'client', ips[0]!, 20);
    expect(result.failures).toEqual([]);
    await nftproxy.configure(cluster);
    expect(new Set((await revision()).split(' '))).toEqual(before);
  });

  test('scaling up and down under traffic loses no request', async () => {
    const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ips[0]! }, async () => {
      for (const replicas of [6, 4, 3]) {
        await cluster.kubectl('scale', 'deployment/echo', `--replicas=${replicas}`);
        await endpointsInKernel(replicas);
      }
    });
    expect(result.failures).toEqual([]);
    expect(Object.keys(result.answers).length).toBeGreaterThanOrEqual(5);
  });

  test('a Service without endpoints refuses connections at once', async () => {
    await cluster.kubectl('scale', 'deployment/echo', '--replicas=0');
    await endpointsInKernel(0);
    const result = await nftproxy.request(cluster, 'client', ips[0]!, 3);
    expect(result.failures).toHaveLength(3);
    for (const failure of result.failures) expect(failure).toContain('ECONNREFUSED');
    await cluster.kubectl('scale', 'deployment/echo', '--replicas=3');
    await endpointsInKernel(3);
    expect((await nftproxy.request(cluster, 'client', ips[0]!, 20)).failures).toEqual([]);
  });

  test('a deleted Service leaves nothing behind in any map', async () => {
    await cluster.kubectl('delete', 'service', 'echo');
    for (const node of cluster.nodes) {
      await cluster.waitFor('its elements to go', async () => {
        const table = await cluster.nodeExec(node.name, 'nft', 'list', 'table', 'inet', 'nftproxy');
        return ips.every((ip) => !table.includes(ip));
      });
    }
  });
});
