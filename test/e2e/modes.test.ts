import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditionOf } from '../../src/api/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const nodes = ['node-1', 'node-2'];
/** What comes with the operator's image. */
const haproxyImage = 'nftproxy-haproxy';

/** The Service `echo`, with requests where the port says so. */
const withRequests = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'echo', namespace: 'default', annotations: { 'nftproxy.io/algorithm': 'round-robin' } },
  spec: {
    ipFamilyPolicy: 'PreferDualStack',
    selector: { app: 'echo' },
    ports: [{ port: 80, targetPort: 8080, appProtocol: 'http' }],
  },
};

describe.skipIf(!root)('mode userspace in a cluster (needs root)', { timeout: 300_000 }, () => {
  let cluster: Cluster;
  let ip: string;

  beforeAll(async () => {
    ({ cluster, ip } = await nftproxy.startWithTraffic(nodes.length, {}));
    // It is fetched when it is first asked for, which must not be under traffic.
    await cluster.image(haproxyImage);
    await nftproxy.apply(cluster, withRequests);
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  const served = async () => {
    const states = await nftproxy.nodeStates(cluster);
    return states.map(({ status }) => status?.servedBy?.userspace ?? 0);
  };
  const containers = (node: string) => nftproxy.agentOn(cluster, node).spec.containers.map(({ name }) => name);

  test('is rolled out by one field: a HAProxy comes to each agent, and no request fails', async () => {
    const { failures } = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, () =>
      nftproxy.configure(cluster, { mode: 'userspace' }),
    );
    expect(failures).toEqual([]);
    expect(nodes.map(containers)).toEqual([
      ['agent', 'haproxy'],
      ['agent', 'haproxy'],
    ]);
    for (const count of await served()) expect(count).toBeGreaterThan(0);
    const { status } = await nftproxy.configOf(cluster);
    expect(conditionOf(status?.conditions, 'Ready')?.status).toBe('True');
    expect(conditionOf(status?.conditions, 'ClientAddressesHidden')?.message).toContain('NetworkPolicies by client');
    // Every one of three Pods, by turns: a request each is a connection each here.
    const { answers } = await nftproxy.request(cluster, 'client', ip, 30);
    expect(Object.keys(answers)).toHaveLength(3);
  });

  test('follows Pods that come and go without a failed request', async () => {
    const { failures } = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
      for (const replicas of ['1', '4']) {
        await cluster.kubectl('scale', 'deployment/echo', `--replicas=${replicas}`);
        await cluster.kubectl('rollout', 'status', 'deployment/echo', '--timeout=60s');
      }
    });
    expect(failures).toEqual([]);
  });

  test('with an image that nobody can pull stops at one node, which slots serve, and says which image', async () => {
    const agent = { haproxy: { image: 'registry.example/haproxy:no-such-tag' } };
    const { failures } = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
      await nftproxy.apply(cluster, nftproxy.proxyConfig({ mode: 'userspace', agent }));
      const failed = async (): Promise<boolean> => {
        const { status } = await nftproxy.configOf(cluster);
        return conditionOf(status?.conditions, 'Degraded')?.message.includes('haproxy:no-such-tag') === true;
      };
      // The kubelet tries several times before anybody is told.
      await cluster.waitFor('the rollout to have failed', failed, 180);
      expect(nodes.map((node) => nftproxy.agentOn(cluster, node).spec.containers[1]?.image).sort()).toContain(
        haproxyImage,
      );
    });
    expect(failures).toEqual([]);
    await nftproxy.configure(cluster, { mode: 'userspace' });
    await cluster.waitFor('HAProxy to serve', async () => (await served()).every((count) => count > 0));
  });

  test('is left for mode iptables, and back, without a failed request', async () => {
    const { failures } = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
      await nftproxy.configure(cluster, { mode: 'iptables' });
      for (const node of nodes) {
        expect(await cluster.nodeExec(node, 'iptables-nft-save', '-t', 'nat')).toContain('NFTPROXY-');
        expect(await cluster.nodeExec(node, 'nft', 'list', 'tables')).not.toContain('inet nftproxy');
      }
      await nftproxy.configure(cluster, { mode: 'userspace' });
    });
    expect(failures).toEqual([]);
    await cluster.waitFor('HAProxy to serve', async () => (await served()).every((count) => count > 0));
    for (const node of nodes) {
      expect(await cluster.nodeExec(node, 'iptables-nft-save', '-t', 'nat')).not.toContain('NFTPROXY-');
    }
  });

  test('is left without a failed request, and takes its HAProxy with it', async () => {
    const { failures } = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, () =>
      nftproxy.configure(cluster, {}),
    );
    expect(failures).toEqual([]);
    expect(nodes.map(containers)).toEqual([['agent'], ['agent']]);
    expect(await served()).toEqual([0, 0]);
  });
});
