import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const node = 'node-1';

describe.skipIf(!root)('what survives what (needs root)', { timeout: 180_000 }, () => {
  let cluster: Cluster;
  let ip: string;

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
    // Somebody else's table, under our name, before any agent starts.
    await cluster.nodeExec('node-2', 'nft', 'add table inet nftproxy { comment "mine" ; }');
    await nftproxy.installOperator(cluster);
    await nftproxy.apply(cluster, ...nftproxy.echo(2));
    await nftproxy.apply(cluster, nftproxy.proxyConfig());
    await cluster.kubectl('rollout', 'status', 'deployment/echo', '--timeout=60s');
    await cluster.runClientPod('client', node);
    ip = (await nftproxy.clusterIps(cluster, 'echo'))[0]!;
    await endpoints(2);
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  const endpoints = (count: number) =>
    cluster.waitFor(`${count} endpoints in the kernel`, async () => {
      const all = await nftproxy.elements(cluster, node, 'endpoints4');
      return all.filter((line) => line.startsWith(`${ip} `)).length === count;
    });

  test('a foreign table of our name is left alone, and reported; the other node works', async () => {
    const conditions = () =>
      cluster.kubectl('get', 'nftps', 'node-2', '-o', 'jsonpath={.status.conditions[?(@.type=="Synced")].message}');
    await cluster.waitFor('node-2 to complain', async () => (await conditions()).includes('was not made by nftproxy'));
    expect(await cluster.nodeExec('node-2', 'nft', 'list', 'table', 'inet', 'nftproxy')).toContain('comment "mine"');
    const ready = () => cluster.kubectl('get', 'nftpc', 'default', '-o', 'jsonpath={.status.nodes.ready}');
    await cluster.waitFor('one node to be ready', async () => (await ready()) === '1');
    expect((await nftproxy.request(cluster, 'client', ip, 20)).failures).toEqual([]);
  });

  test('when the foreign table goes, the agent takes over by itself', async () => {
    await cluster.nodeExec('node-2', 'nft', 'delete', 'table', 'inet', 'nftproxy');
    await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');
    expect(await nftproxy.rules(cluster, 'node-2')).toContain('services4');
  });

  test('an agent that is killed or ends in order loses no request, nor do changes made right after', async () => {
    await cluster.kubectl('scale', 'deployment/echo', '--replicas=6');
    await endpoints(6);
    const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
      for (const [signal, replicas] of [
        ['SIGKILL', 4],
        ['SIGTERM', 2],
        ['SIGKILL', 3],
        ['SIGTERM', 2],
      ] as const) {
        await nftproxy.restartAgent(cluster, node, signal);
        await cluster.kubectl('scale', 'deployment/echo', `--replicas=${replicas}`);
        await endpoints(replicas);
      }
    });
    expect(result.failures).toEqual([]);
  });

  test('when the API server restarts, requests go on, and operator and agents see what changes afterwards', async () => {
    const processes = () => cluster.pods({ namespace: nftproxy.defaultNamespace }).map((pod) => cluster.pid(pod));
    const before = processes();
    const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
      await cluster.apiServer.restart();
      await nftproxy.configure(cluster, { masqueradeAll: true });
      await cluster.kubectl('scale', 'deployment/echo', '--replicas=3');
      await endpoints(3);
      await nftproxy.configure(cluster);
    });
    expect(result.failures).toEqual([]);
    expect(processes()).toEqual(before);
  });

  test('without the operator everything stays; a new one takes over', async () => {
    await cluster.kubectl('scale', '-n', nftproxy.defaultNamespace, 'deployment/nftproxy-operator', '--replicas=0');
    await cluster.waitFor(
      'the operator to end',
      () =>
        cluster.pods({
          namespace: nftproxy.defaultNamespace,
          labels: { 'app.kubernetes.io/name': 'nftproxy-operator' },
        }).length === 0,
    );
    expect((await nftproxy.request(cluster, 'client', ip, 20)).failures).toEqual([]);
    await cluster.kubectl('scale', '-n', nftproxy.defaultNamespace, 'deployment/nftproxy-operator', '--replicas=1');
    await nftproxy.configure(cluster, { masqueradeAll: true });
    await nftproxy.configure(cluster);
  });

  test('without its ProxyConfig a node goes on, follows endpoints also after its agent restarts, and says so', async () => {
    await cluster.kubectl('delete', 'nftpc', 'default');
    const uncovered = ['wait', '--for=condition=Uncovered', `nftps/${node}`, '--timeout=30s'];
    await cluster.kubectl(...uncovered);
    await nftproxy.restartAgent(cluster, node, 'SIGKILL');
    await cluster.kubectl('scale', 'deployment/echo', '--replicas=4');
    await endpoints(4);
    expect((await nftproxy.request(cluster, 'client', ip, 50)).failures).toEqual([]);
  });

  test('and an agent that restarts then goes on with the last good settings and follows endpoints', async () => {
    const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
      await nftproxy.restartAgent(cluster, node, 'SIGKILL');
      await cluster.kubectl('scale', 'deployment/echo', '--replicas=5');
      await endpoints(5);
      await cluster.kubectl('scale', 'deployment/echo', '--replicas=2');
      await endpoints(2);
    });
    expect(result.failures).toEqual([]);
  });
});
