import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isReady } from '../cluster/index.ts';
import { documented } from '../support/index.ts';
import { rollout, KubeProxyStage } from './kube-proxy-stage.ts';
import * as nftproxy from './nftproxy.ts';
import { type } from './pages.ts';

const root = process.getuid?.() === 0;
const enabled = { kubeProxyManagement: 'Enabled' };
/** A program that does not know its arguments ends at once. */
const cannotStart = { agent: { extraArgs: ['--no-such-flag'] } };
/** Long for an interface's name: only a node can tell that it is too long. */
const unusable = { detectLocal: { mode: 'BridgeInterface', bridgeInterface: 'ü'.repeat(15) } };

describe.skipIf(!root)('a cluster that kube-proxy serves in mode iptables (needs root)', { timeout: 240_000 }, () => {
  let stage: KubeProxyStage;

  beforeAll(async () => {
    stage = await KubeProxyStage.set('iptables');
    await nftproxy.installOperator(stage.cluster);
    await stage.traffic.keep();
  }, 180_000);
  afterAll(() => stage.end(), 60_000);

  const allParked = async () => {
    await stage.becomes('True AllNodesParked');
    await stage.cluster.waitFor('its rules to go', async () => (await stage.withRules()).length === 0);
  };

  test('keeps kube-proxy when the agents of a first installation cannot start; no request fails', async () => {
    const failures = await stage.traffic.failuresDuring(async () => {
      await stage.configure({ ...enabled, ...cannotStart });
      await stage.becomes('False RolloutFailed');
    });
    expect(failures).toEqual([]);
    expect([await stage.labels(), await stage.affinity(), stage.runsOn()]).toEqual([{}, '', stage.nodes]);
    expect(await stage.withRules()).toEqual(stage.nodes);
  });

  test('is moved by what the page says to type, with kube-proxy’s own configuration; no request fails', async () => {
    const { cluster } = stage;
    const file = join(cluster.workDir, 'proxyconfig.yaml');
    const hurry = JSON.stringify({ spec: { rollout: { canary: { soakSeconds: 2 } } } });
    const commands = documented('docs/migration.md', '## In short').map((command) =>
      command.replace('proxyconfig.yaml', file),
    );
    expect(commands).toHaveLength(7);
    const failures = await stage.traffic.failuresDuring(async () => {
      await type(cluster, commands.slice(0, 4));
      await type(cluster, [`kubectl patch nftpc default --type=merge -p '${hurry}'`, ...commands.slice(4)]);
      await stage.scale(4);
      await allParked();
    });
    expect(failures).toEqual([]);
    const { spec } = await nftproxy.configOf(cluster);
    expect(spec.clusterCIDRs).toEqual(['10.244.0.0/16', 'fd00:10:244::/48']);
    await stage.traffic.keep();
  });

  test('a change that fails on its canary brings kube-proxy back where no agent works, and mended it goes again; no request fails', async () => {
    const { cluster } = stage;
    const hung = new Set<number>();
    // So that nobody follows endpoints there. The kubelet kills whoever does not answer it, and the next one is to hang as well.
    const hang = (): void => {
      const pid = cluster.runningPid(nftproxy.agentOn(cluster, 'node-2'));
      if (pid === undefined || hung.has(pid)) return;
      process.kill(pid, 'SIGSTOP');
      hung.add(pid);
    };
    const failures = await stage.traffic.failuresDuring(async () => {
      hang();
      await stage.configure({ ...enabled, ...unusable });
      const returns = (): boolean => {
        hang();
        return stage.runsOn().includes('node-2');
      };
      await cluster.waitFor('kube-proxy on that node', returns, 120);
      await cluster.waitFor('its rules', async () => (await stage.translatesTo('node-2')).length > 0);
    });
    expect(failures).toEqual([]);
    expect(await stage.parked()).toBe('False RolloutFailed');
    expect(await stage.labels()).toMatchObject({ 'node-3': 'parked' });
    const mended = await stage.traffic.failuresDuring(async () => {
      const last = cluster.runningPid(nftproxy.agentOn(cluster, 'node-2'));
      if (last !== undefined) process.kill(last, 'SIGCONT');
      await stage.configure(enabled);
      await allParked();
    });
    expect(mended).toEqual([]);
  });

  test('agents that cannot start after an upgrade are only tried on the canary, and no request fails', async () => {
    const { cluster } = stage;
    const canary = nftproxy.agentOn(cluster, 'node-1').metadata.uid;
    const failures = await stage.traffic.failuresDuring(async () => {
      await stage.configure({ ...enabled, ...cannotStart });
      // Not what is said of parking: once the canary has gone back, all nodes are parked again.
      const rolledBack = '--for=jsonpath={.status.rollout.phase}=RolledBack';
      await cluster.kubectl('wait', 'nftpc/default', rolledBack, '--timeout=120s');
      await cluster.waitFor('the canary to work again', () => {
        const agents = cluster.pods({ labels: { 'app.kubernetes.io/component': 'agent' } });
        return agents.filter(isReady).length === 3 && agents.every(({ metadata }) => metadata.uid !== canary);
      });
    });
    expect(failures).toEqual([]);
    expect(await stage.labels()).toMatchObject({ 'node-2': 'parked', 'node-3': 'parked' });
    await stage.configure(enabled);
    await allParked();
  });

  test('goes back by what the page says to type; no request fails', async () => {
    await stage.traffic.keep();
    const failures = await stage.traffic.failuresDuring(async () => {
      await type(stage.cluster, documented('docs/migration.md', '## The way back'));
      await stage.untilItIsBack();
    });
    expect(failures).toEqual([]);
    await stage.configure(enabled);
    await allParked();
  });

  test('deleted with onDelete: Cleanup, loses nftproxy’s rules on no node before it has kube-proxy’s; no request fails', async () => {
    const { cluster } = stage;
    await nftproxy.apply(cluster, nftproxy.proxyConfig({ rollout, ...enabled, onDelete: 'Cleanup' }));
    await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');
    const bare: string[] = [];
    const without = async (): Promise<number> => {
      const looks = stage.nodes.map(async (node) => {
        const hasOurs = (await cluster.nodeExec(node, 'nft', 'list', 'tables')).includes('table inet nftproxy');
        if (!hasOurs && (await stage.translatesTo(node)).length === 0) bare.push(node);
        return hasOurs ? [] : [node];
      });
      return (await Promise.all(looks)).flat().length;
    };
    const failures = await stage.traffic.failuresDuring(async () => {
      await cluster.kubectl('delete', 'nftpc', 'default', '--timeout=10s');
      await cluster.waitFor('no rules of nftproxy', async () => (await without()) === stage.nodes.length, 150);
      await stage.untilItIsBack();
    });
    expect([failures, bare]).toEqual([[], []]);
  });
});
