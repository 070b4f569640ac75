import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditionOf, kubeProxyLabel } from '../../src/api/index.ts';
import { resourcePath } from '../../src/kubernetes/index.ts';
import { isReady } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const nodes = ['node-1', 'node-2', 'node-3'];
const rollout = { canary: { nodes: 1, soakSeconds: 3 }, maxUnavailable: 2, maxFailed: 1, progressDeadlineSeconds: 60 };
const enabled = { rollout, kubeProxyManagement: 'Enabled' };
const required = '{.spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution}';

/** kube-proxy's DaemonSet as kubeadm makes it, as far as it matters here. */
const kubeProxy = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'kube-proxy', namespace: 'kube-system', labels: { 'k8s-app': 'kube-proxy' } },
  spec: {
    selector: { matchLabels: { 'k8s-app': 'kube-proxy' } },
    updateStrategy: { type: 'RollingUpdate' },
    template: {
      metadata: { labels: { 'k8s-app': 'kube-proxy' } },
      spec: {
        hostNetwork: true,
        nodeSelector: { 'kubernetes.io/os': 'linux' },
        tolerations: [{ operator: 'Exists' }],
        containers: [{ name: 'kube-proxy', image: 'pause' }],
      },
    },
  },
};

describe.skipIf(!root)(
  'a ProxyConfig that says kubeProxyManagement: Enabled (needs root)',
  { timeout: 300_000 },
  () => {
    let cluster: Cluster;
    let ip: string;

    beforeAll(async () => {
      ({ cluster, ip } = await nftproxy.startWithTraffic(nodes.length, { rollout }));
      await nftproxy.apply(cluster, kubeProxy);
      await cluster.waitFor('kube-proxy on every node', () => runsOn().length === nodes.length);
    }, 300_000);
    afterAll(() => cluster.stop(), 60_000);

    /** Nodes with a Pod of kube-proxy that is ready. */
    const runsOn = () => {
      const pods = cluster.pods({ namespace: 'kube-system', labels: { 'k8s-app': 'kube-proxy' } });
      return pods
        .filter(isReady)
        .map(({ spec }) => spec.nodeName ?? '')
        .sort();
    };
    const labels = async () => {
      const path = resourcePath({ version: 'v1', plural: 'nodes' });
      const { items } = await cluster.client.listAll<{ metadata: { labels?: Record<string, string> } }>(path);
      return items.flatMap(({ metadata }) => metadata.labels?.[kubeProxyLabel] ?? []);
    };
    /** Nodes whose agents have been told that kube-proxy is gone. */
    const told = async () => {
      const states = await nftproxy.nodeStates(cluster);
      return states.flatMap(({ metadata, spec }) => (spec.kubeProxy === 'Parked' ? [metadata.name] : [])).sort();
    };
    const parked = async () => {
      const found = conditionOf((await nftproxy.configOf(cluster)).status?.conditions, 'KubeProxyParked');
      return found && `${found.status} ${found.reason}`;
    };
    const becomes = (said: string) => cluster.waitFor(said, async () => (await parked()) === said, 120_000);
    const configure = (spec: object) => nftproxy.apply(cluster, nftproxy.proxyConfig(spec));
    const killOperator = () =>
      cluster.kubectl(
        ...['delete', 'pod', '-n', nftproxy.defaultNamespace, '-l', 'app.kubernetes.io/name=nftproxy-operator'],
      );
    const affinity = () => cluster.kubectl('get', 'ds/kube-proxy', '-n', 'kube-system', '-o', `jsonpath=${required}`);
    const checkThatItIsBack = async () => {
      expect([await labels(), await told()]).toEqual([[], []]);
      await cluster.waitFor('the DaemonSet to be as it was', async () => (await affinity()) === '');
      // Which makes its Pods anew, one after the other.
      await cluster.waitFor('kube-proxy on every node', () => runsOn().length === nodes.length, 60_000);
    };

    test('without it, kube-proxy is left alone', async () => {
      await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');
      expect(await parked()).toBeUndefined();
      expect([await labels(), await affinity()]).toEqual([[], '']);
    });

    test('takes kube-proxy off one node, later off the others, also when the operator is killed; no request fails', async () => {
      const counts: number[] = [];
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await configure(enabled);
        await cluster.waitFor('the first node to be parked', async () => (await told()).length === 1);
        expect(await told()).toEqual(['node-1']);
        await killOperator();
        await cluster.waitFor(
          'every node to be parked',
          async () => {
            const count = (await labels()).length;
            if (counts.at(-1) !== count) counts.push(count);
            return (await told()).length === nodes.length;
          },
          120_000,
        );
      });
      expect(result.failures).toEqual([]);
      expect(counts[0]).toBe(1);
      await becomes('True AllNodesParked');
      expect(runsOn()).toEqual([]);
      expect(await affinity()).toContain(kubeProxyLabel);
    });

    test('a Pod of kube-proxy that comes back, as an upgrade of kubeadm does, is told to agents and goes again', async () => {
      await cluster.kubectl(
        ...[
          'patch',
          'ds/kube-proxy',
          '-n',
          'kube-system',
          '--type=merge',
          '-p',
          '{"spec":{"template":{"spec":{"affinity":null}}}}',
        ],
      );
      await cluster.waitFor('the affinity to be there again', async () => (await affinity()).includes(kubeProxyLabel));
      await becomes('True AllNodesParked');
      await cluster.waitFor('no Pod', () => runsOn().length === 0);
      expect(await told()).toEqual(nodes);
    });

    test('switched off, kube-proxy is back on every node, also when the operator is killed; no request fails', async () => {
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await configure({ rollout });
        await cluster.waitFor('the way back to begin', async () => (await labels()).includes('restoring'));
        await killOperator();
        await becomes('False NotManaged');
      });
      expect(result.failures).toEqual([]);
      await checkThatItIsBack();
      const reasons = await cluster.kubectl('get', 'events', '-A', '-o', 'jsonpath={.items[*].reason}');
      for (const reason of ['KubeProxyParking', 'KubeProxyParked', 'KubeProxyRestored'])
        expect(reasons).toContain(reason);
    });

    test('a DaemonSet that somebody else keeps is left alone, and it is said whose it is', async () => {
      const metadata = { ...kubeProxy.metadata, labels: { 'app.kubernetes.io/managed-by': 'Helm' } };
      await nftproxy.apply(cluster, { ...kubeProxy, metadata });
      await configure(enabled);
      await becomes('False OwnedByOthers');
      const { status } = await nftproxy.configOf(cluster);
      expect(conditionOf(status?.conditions, 'KubeProxyParked')?.message).toContain('Helm');
      expect(conditionOf(status?.conditions, 'Ready')?.status).toBe('True');
      await checkThatItIsBack();
      await nftproxy.apply(cluster, kubeProxy);
      await cluster.kubectl('label', 'ds/kube-proxy', '-n', 'kube-system', 'app.kubernetes.io/managed-by-');
      await becomes('True AllNodesParked');
    });

    test('deleted, gives kube-proxy back to every node; no request fails', async () => {
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await cluster.kubectl('delete', 'nftpc', 'default', '--timeout=10s');
        await cluster.waitFor('no label', async () => (await labels()).length === 0, 120_000);
      });
      expect(result.failures).toEqual([]);
      await checkThatItIsBack();
    });
  },
);
