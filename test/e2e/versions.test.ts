import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isReady, startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { olderCheckout, whyNoOlderVersion } from '../support/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const reason = whyNoOlderVersion();
const [older, newer] = ['nftproxy:older', 'nftproxy:newer'];

// The same manifests, CRDs, rights and programs as people have them, with an older one of each.
describe.skipIf(!root || reason !== undefined)(
  `an older version and this one (needs root; ${reason ?? 'the older one is in the history'})`,
  { timeout: 300_000 },
  () => {
    let cluster: Cluster;
    let checkout: string;
    let ip: string;

    beforeAll(async () => {
      checkout = await olderCheckout();
      cluster = await startCluster({ nodes: 2, versions: { older: checkout } });
      await nftproxy.installOperator(cluster, { image: older, checkout });
      await nftproxy.apply(cluster, ...nftproxy.echo(2));
      await nftproxy.configure(cluster);
      await cluster.kubectl('rollout', 'status', 'deployment/echo', '--timeout=60s');
      await cluster.runClientPod('client', 'node-1');
      ip = (await nftproxy.clusterIps(cluster, 'echo'))[0]!;
      await nftproxy.answered(cluster, ip);
    }, 600_000);
    afterAll(() => cluster.stop(), 60_000);

    const agents = () => cluster.pods({ labels: { 'app.kubernetes.io/component': 'agent' } });

    /** Returns when both agents have been made from an image, are ready, and the ProxyConfig is. */
    async function becomes(image: string): Promise<void> {
      const all = () => agents().filter((pod) => pod.spec.containers[0]?.image === image && isReady(pod));
      await cluster.waitFor(`agents of ${image}`, () => agents().length === 2 && all().length === 2, 150);
      await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');
    }

    /** Does something that makes agents anew, with requests and changes of endpoints all the while. */
    async function underTraffic(image: string, act: () => Promise<unknown>): Promise<void> {
      const replicas = image === newer ? 3 : 2;
      const { failures } = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await act();
        await cluster.kubectl('scale', 'deployment/echo', `--replicas=${replicas}`);
        await becomes(image);
        await endpoints(replicas);
      });
      expect(failures).toEqual([]);
    }

    const endpoints = (count: number) =>
      cluster.waitFor(`${count} endpoints in the kernel`, async () => {
        const all = await nftproxy.elements(cluster, 'node-1', 'endpoints4');
        return all.filter((line) => line.startsWith(`${ip} `)).length === count;
      });
    const setImage = (image: string) =>
      cluster.kubectl(
        ...['set', 'image', '-n', nftproxy.defaultNamespace, 'deployment/nftproxy-operator', `operator=${image}`],
      );

    test('upgrade by the image alone, with the rights and manifests that are there, and no request fails', async () => {
      await underTraffic(newer, () => setImage(newer));
    });

    test('go back by the image alone: the newer CRDs stay, and the older operator works with them', async () => {
      await underTraffic(older, () => setImage(older));
    });

    test('upgrade by the manifests', async () => {
      await underTraffic(newer, () => nftproxy.applyConfig(cluster, { image: newer }));
    });

    test('go back by the older manifests, which bring the older CRDs', async () => {
      await underTraffic(older, () => nftproxy.applyConfig(cluster, { image: older, checkout }));
    });

    test('and upgrade again', async () => {
      await underTraffic(newer, () => nftproxy.applyConfig(cluster, { image: newer }));
    });

    test('remove everything without having asked for a clean-up: nothing hangs, Services go on', async () => {
      const { failures } = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await nftproxy.deleteConfig(cluster, { image: newer });
        await cluster.waitFor('the agents to end', () => agents().length === 0);
      });
      expect(failures).toEqual([]);
      const left = await cluster.kubectl('get', 'crd,namespace,clusterrole,clusterrolebinding', '-o', 'name');
      expect(left.split('\n').filter((name) => name.includes('nftproxy'))).toEqual([]);
      expect(await nftproxy.rules(cluster, 'node-1')).toContain('services4');
    });

    test('install the older one over what the newer one has left in the kernels', async () => {
      const { failures } = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await nftproxy.installOperator(cluster, { image: older, checkout });
        await nftproxy.configure(cluster);
        await cluster.kubectl('scale', 'deployment/echo', '--replicas=1');
        await endpoints(1);
      });
      expect(failures).toEqual([]);
    });
  },
);
