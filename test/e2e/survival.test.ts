import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isReady, startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const node = 'node-1';

describe.skipIf(!root)('what survives what (needs root)', { timeout: 180_000 }, () => {
  let cluster: Cluster;
  let ip: string;

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
    await nftproxy.installOperator(cluster);
    await nftproxy.apply(cluster, ...nftproxy.echo(2));
    await nftproxy.configure(cluster);
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

  async function everything(): Promise<Record<string, string[]>> {
    const maps = ['services4', 'services6', 'endpoints4', 'endpoints6'];
    return Object.fromEntries(
      await Promise.all(maps.map(async (map) => [map, await nftproxy.elements(cluster, node, map)] as const)),
    );
  }

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    test(`an agent that ends by ${signal} leaves the rules in force, and its successor changes nothing`, async () => {
      const before = await everything();
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await nftproxy.restartAgent(cluster, node, signal);
      });
      expect(result.failures).toEqual([]);
      expect(result.requests).toBeGreaterThan(0);
      expect(await everything()).toEqual(before);
    });
  }

  test('changes made right after a restart lose no request', async () => {
    await cluster.kubectl('scale', 'deployment/echo', '--replicas=6');
    await endpoints(6);
    const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
      for (const replicas of [4, 2, 3, 2]) {
        await nftproxy.restartAgent(cluster, node, 'SIGKILL');
        await cluster.kubectl('scale', 'deployment/echo', `--replicas=${replicas}`);
        await endpoints(replicas);
      }
    });
    expect(result.failures).toEqual([]);
  });

  test('while the API server is away traffic goes on; afterwards the agent catches up', async () => {
    await cluster.setApiServerReachable(false);
    try {
      await nftproxy.createService(cluster, 'meanwhile', ['192.0.2.1']);
      expect((await nftproxy.request(cluster, 'client', ip, 50)).failures).toEqual([]);
    } finally {
      await cluster.setApiServerReachable(true);
    }
    const [added] = await nftproxy.clusterIps(cluster, 'meanwhile');
    await cluster.waitFor('the Service made meanwhile', async () => {
      return (await nftproxy.elements(cluster, node, 'services4')).some((line) => line.startsWith(`${added} `));
    });
  });

  test('an agent that starts while the API server is away touches nothing until it is back', async () => {
    const before = await everything();
    const agent = nftproxy.agentOn(cluster, node);
    await cluster.setApiServerReachable(false);
    try {
      const pid = cluster.pid(agent);
      process.kill(pid, 'SIGKILL');
      await cluster.waitFor('its successor', () => cluster.pid(agent) !== pid);
      await cluster.waitFor('it to say what is wrong', async () =>
        /cannot .*is the API server reachable|ECONNREFUSED|ECONNRESET|socket/.test(
          (await cluster.logs(agent.metadata.name)).split('"starting"').at(-1)!,
        ),
      );
      expect(await everything()).toEqual(before);
      expect((await nftproxy.request(cluster, 'client', ip, 50)).failures).toEqual([]);
    } finally {
      await cluster.setApiServerReachable(true);
    }
    await cluster.waitFor('the agent to be ready', () => isReady(nftproxy.agentOn(cluster, node)), 90);
    expect(await everything()).toEqual(before);
  });

  /** Makes a Service and waits until the kernel has it. */
  async function newServiceArrives(name: string): Promise<void> {
    await nftproxy.createService(cluster, name, ['192.0.2.3']);
    const [added] = await nftproxy.clusterIps(cluster, name);
    await cluster.waitFor(`Service ${name}`, async () => {
      return (await nftproxy.elements(cluster, node, 'services4')).some((line) => line.startsWith(`${added} `));
    });
  }

  test('an API server that restarts is followed again', async () => {
    await cluster.apiServer.stop();
    await cluster.apiServer.start();
    await newServiceArrives('after-the-restart');
  });

  test('watches that fall behind (410) are begun anew', async ({ skip }) => {
    const { apiServer } = cluster;
    if (apiServer.faults === undefined) return skip('only the TypeScript API server misbehaves on demand');
    apiServer.faults.expireWatches();
    await newServiceArrives('after-the-end-of-the-watch');
    await apiServer.stop();
    apiServer.faults.compact();
    await apiServer.start();
    await newServiceArrives('after-the-compaction');
  });

  test('without the operator everything stays; a new one takes over', async () => {
    await cluster.kubectl('scale', '-n', 'nftproxy-system', 'deployment/nftproxy-operator', '--replicas=0');
    await cluster.waitFor(
      'the operator to end',
      () =>
        cluster.pods({ namespace: 'nftproxy-system', labels: { 'app.kubernetes.io/name': 'nftproxy-operator' } })
          .length === 0,
    );
    expect((await nftproxy.request(cluster, 'client', ip, 20)).failures).toEqual([]);
    await cluster.kubectl('scale', '-n', 'nftproxy-system', 'deployment/nftproxy-operator', '--replicas=1');
    await nftproxy.configure(cluster, { masqueradeAll: true });
    await nftproxy.configure(cluster);
  });

  test('deleting the ProxyConfig leaves traffic alone', async () => {
    await cluster.kubectl('delete', 'nftpc', 'default');
    await cluster.waitFor(
      'the node states to go',
      async () => (await cluster.kubectl('get', 'nftps', '-o', 'name')) === '',
    );
    expect((await nftproxy.request(cluster, 'client', ip, 50)).failures).toEqual([]);
  });
});
