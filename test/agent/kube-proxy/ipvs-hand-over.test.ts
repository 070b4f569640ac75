import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { modes } from '../../../src/api/index.ts';
import type { Mode } from '../../../src/api/index.ts';
import { haproxyDirectory } from '../../../src/haproxy/index.ts';
import { AgentRig } from '../agent-rig.ts';
import { leaveUserspace, proxied, startBeside, startKubeProxy } from './rig.ts';
import { createServices, setEndpoints } from './services.ts';
import { SteadyTraffic } from './steady-traffic.ts';
import { addresses } from '../../support/node/index.ts';
import { realKubeProxy } from '../../support/kube-proxy/index.ts';
import { whyNoIpvs } from '../../support/index.ts';
import type { ManagedProcess } from '../../support/index.ts';
import { Haproxy } from '../../userspace/index.ts';

const kubeProxy = realKubeProxy();
const reason =
  (await whyNoIpvs()) ?? (kubeProxy === undefined ? 'needs a real kube-proxy: see test/cluster' : undefined);

/** As docs/migration.md says. */
const leaveOurs = '--ipvs-exclude-cidrs=169.254.77.0/24,fd6e:6674:7078:4d::/64';
const bothPods = [addresses[4].localPod, addresses[4].remotePod];

/** Has kube-proxy sync, without a change for anybody who is connected. */
async function syncs(rig: AgentRig, times: number): Promise<void> {
  for (let number = 0; number < times; number++) {
    await setEndpoints(rig, { family: 4, name: 'none' }, number % 2 === 0 ? bothPods : []);
    await sleep(1500);
  }
}

/** What kube-proxy’s mode ipvs leaves on a node. */
async function leftBehind(rig: AgentRig): Promise<string> {
  const listed = await Promise.all([
    rig.node.run('ip', ['-o', 'link', 'show']),
    rig.node.run('ipset', ['list', '-n']),
    rig.node.run('iptables-nft-save'),
  ]);
  return listed.join('\n');
}

/** Clients, Services and kube-proxy on a node, and an agent that serves in this mode beside it; with HAProxy where it is given one. */
async function both(
  rig: AgentRig,
  { mode, haproxy, options = [] }: { mode: Mode; haproxy?: Haproxy | undefined; options?: readonly string[] },
) {
  await rig.publishCRDs();
  await createServices(rig);
  await rig.assign({ mode });
  const begin = (): Promise<ManagedProcess> => startKubeProxy(rig, [kubeProxy ?? '', ...options], 'ipvs');
  const proxy = await begin();
  const traffic = new SteadyTraffic(rig);
  await traffic.hold();
  traffic.begin();
  const agent = startBeside(rig, haproxy);
  const until = (type: string, says: string): Promise<void> =>
    rig.until(`${type} to be ${says}`, async () => (await rig.condition(type)) === says, agent);
  await until('Synced', 'True UpToDate');
  await haproxy?.start();
  await rig.until('HAProxy to serve', async () => (await proxied(rig)) > 0 === (haproxy !== undefined), agent);
  return { begin, proxy, traffic, agent, until };
}

async function thereAndBack(mode: Mode): Promise<void> {
  await using rig = await AgentRig.create();
  await using haproxy = mode === 'userspace' ? await Haproxy.in(rig.node, haproxyDirectory) : undefined;
  const { begin, proxy, traffic, agent, until } = await both(rig, { mode, haproxy, options: [leaveOurs] });
  await until('KubeProxyRules', 'True Present');
  await syncs(rig, 4);
  expect(agent.output).not.toContain('another program');
  await proxy.end('SIGTERM');
  await rig.parkKubeProxy();
  await until('KubeProxyRules', 'True Draining');
  await traffic.hangUp();
  await until('KubeProxyRules', 'False CleanedUp');
  expect(await leftBehind(rig)).not.toMatch(/kube-ipvs0|KUBE-(?!FIREWALL|KUBELET-CANARY|IPTABLES-HINT|MARK-DROP)/);

  await traffic.hold();
  await rig.parkKubeProxy(false);
  const again = await begin();
  if (haproxy) {
    await leaveUserspace(rig, agent);
    await traffic.hangUp();
  }
  await rig.orderCleanup();
  await until('Synced', 'True CleanedUp');
  await traffic.talk();
  await traffic.end();
  expect(traffic.made).toBeGreaterThan(10);
  expect(traffic.failures).toEqual([]);
  await traffic.hangUp();
  await agent.end('SIGTERM');
  await again.end('SIGTERM');
}

describe.skipIf(reason !== undefined)(
  `beside the real kube-proxy in mode ipvs${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    it.each(modes)('a node goes over to mode %s and back without losing a connection', thereAndBack, 1_200_000);

    it('that was not told to leave the virtual servers of mode ipvs, slots serve in the end, and no connection is lost', async () => {
      await using rig = await AgentRig.create();
      const { traffic, agent, proxy } = await both(rig, { mode: 'ipvs' });
      const givesWay = async (): Promise<boolean> => {
        await syncs(rig, 1);
        // Degraded says first that kube-proxy has the agent's ports.
        return agent.output.includes('another program keeps changing what IPVS has');
      };
      await rig.until('slots to serve', givesWay, agent);
      await syncs(rig, 4);
      await traffic.hangUp();
      await traffic.end();
      expect(traffic.made).toBeGreaterThan(10);
      expect(traffic.failures).toEqual([]);
      await agent.end('SIGTERM');
      await proxy.end('SIGTERM');
    }, 1_200_000);
  },
);
