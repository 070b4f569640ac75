import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditionOf, kubeProxyLabel } from '../../src/api/index.ts';
import { kubeProxyDaemonSet } from './kubeadm-kube-proxy.ts';
import { KubeProxyStage } from './kube-proxy-stage.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const enabled = { kubeProxyManagement: 'Enabled' };

describe.skipIf(!root)('a cluster that kube-proxy serves in mode nftables (needs root)', { timeout: 180_000 }, () => {
  let stage: KubeProxyStage;

  beforeAll(async () => {
    stage = await KubeProxyStage.set('nftables');
    await stage.traffic.keep();
  }, 180_000);
  afterAll(() => stage.end(), 60_000);

  test('gets nftproxy beside it, and kube-proxy is left alone; no request fails, endpoints change in both', async () => {
    const failures = await stage.traffic.failuresDuring(async () => {
      await nftproxy.installOperator(stage.cluster);
      await stage.configure();
      await stage.cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');
      await stage.scale(4);
      await stage.cluster.waitFor('kube-proxy to know', async () => {
        const known = await stage.translatesTo('node-2');
        return stage.endpoints().length === 4 && stage.endpoints().every((address) => known.includes(address));
      });
    });
    expect(failures).toEqual([]);
    expect(await stage.parked()).toBeUndefined();
    expect([await stage.labels(), await stage.affinity(), stage.runsOn()]).toEqual([{}, '', stage.nodes]);
    await stage.traffic.keep();
  });

  test('loses kube-proxy and its rules on one node, later on the others, also when the operator is killed; no request fails', async () => {
    const counts: number[] = [];
    const failures = await stage.traffic.failuresDuring(async () => {
      await stage.configure(enabled);
      await stage.cluster.waitFor('the first node to be parked', async () => (await stage.told()).length === 1);
      expect(await stage.told()).toEqual(['node-1']);
      await stage.killOperator();
      // Endpoints go while the rules of kube-proxies whose Pods are being made anew follow nobody.
      await stage.scale(2);
      await stage.cluster.waitFor(
        'every node to be parked',
        async () => {
          const count = Object.keys(await stage.labels()).length;
          if (counts.at(-1) !== count) counts.push(count);
          return (await stage.told()).length === stage.nodes.length;
        },
        120,
      );
      await stage.becomes('True AllNodesParked');
      await stage.cluster.waitFor('its rules to go', async () => (await stage.withRules()).length === 0);
      await stage.scale(3);
    });
    expect(failures).toEqual([]);
    expect(counts[0]).toBe(1);
    expect(stage.runsOn()).toEqual([]);
    expect(await stage.affinity()).toContain(kubeProxyLabel);
    await stage.traffic.keep();
  });

  test('a Pod of kube-proxy that comes back, as an upgrade of kubeadm does, goes again with its rules', async () => {
    const failures = await stage.traffic.failuresDuring(async () => {
      await stage.resetAffinity();
      await stage.cluster.waitFor('the affinity again', async () => (await stage.affinity()).includes(kubeProxyLabel));
      await stage.becomes('True AllNodesParked');
      await stage.cluster.waitFor('no Pod', () => stage.runsOn().length === 0);
      await stage.cluster.waitFor('no rules', async () => (await stage.withRules()).length === 0);
    });
    expect(failures).toEqual([]);
    expect(await stage.told()).toEqual(stage.nodes);
  });

  test('switched off, kube-proxy is back on every node, also when the operator is killed; no request fails', async () => {
    const failures = await stage.traffic.failuresDuring(async () => {
      await stage.configure();
      await stage.cluster.waitFor('the way back to begin', async () =>
        Object.values(await stage.labels()).includes('restoring'),
      );
      await stage.killOperator();
      await stage.becomes('False NotManaged');
      await stage.untilItIsBack();
    });
    expect(failures).toEqual([]);
    expect(await stage.told()).toEqual([]);
    const reasons = await stage.cluster.kubectl('get', 'events', '-A', '-o', 'jsonpath={.items[*].reason}');
    for (const reason of ['KubeProxyParking', 'KubeProxyParked', 'KubeProxyRestored'])
      expect(reasons).toContain(reason);
  });

  test('a DaemonSet that somebody else keeps is left alone, and it is said whose it is', async () => {
    const metadata = { ...kubeProxyDaemonSet.metadata, labels: { 'app.kubernetes.io/managed-by': 'Helm' } };
    await nftproxy.apply(stage.cluster, { ...kubeProxyDaemonSet, metadata });
    await stage.configure(enabled);
    await stage.becomes('False OwnedByOthers');
    const { status } = await nftproxy.configOf(stage.cluster);
    expect(conditionOf(status?.conditions, 'KubeProxyParked')?.message).toContain('Helm');
    expect(conditionOf(status?.conditions, 'Ready')?.status).toBe('True');
    await stage.untilItIsBack();
    await nftproxy.apply(stage.cluster, kubeProxyDaemonSet);
    await stage.cluster.kubectl('label', 'ds/kube-proxy', '-n', 'kube-system', 'app.kubernetes.io/managed-by-');
    await stage.becomes('True AllNodesParked');
  });

  test('deleted, gives kube-proxy back to every node; no request fails', async () => {
    const failures = await stage.traffic.failuresDuring(async () => {
      await stage.cluster.kubectl('delete', 'nftpc', 'default', '--timeout=10s');
      await stage.untilItIsBack();
    });
    expect(failures).toEqual([]);
  });
});
