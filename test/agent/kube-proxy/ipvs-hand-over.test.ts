import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { AgentRig } from '../agent-rig.ts';
import { startKubeProxy } from './rig.ts';
import { clusterIP, createServices, nodePort } from './services.ts';
import { realKubeProxy } from '../../support/kube-proxy/index.ts';
import type { Resident } from '../../support/index.ts';
import { addresses } from '../../support/node/index.ts';
import { whyNoIpvs } from '../../support/index.ts';

const kubeProxy = realKubeProxy();
const reason =
  (await whyNoIpvs()) ?? (kubeProxy === undefined ? 'needs a real kube-proxy: see test/cluster' : undefined);

/** Where connections are opened, and to what. */
const visits = [
  ['clientPod', clusterIP(4, 10), 80],
  ['clientPod', clusterIP(6, 10), 80],
  ['node', clusterIP(4, 10), 80],
  ['outside', addresses[4].node, nodePort],
] as const;

/** Opens connections one after the other, with rests: an emulated machine has other things to do. */
class Traffic {
  made = 0;
  readonly failures: string[] = [];
  #ended = false;
  readonly #running: Promise<void>;

  constructor(rig: AgentRig) {
    this.#running = this.#run(rig);
  }

  async end(): Promise<this> {
    this.#ended = true;
    await this.#running;
    return this;
  }

  async #run(rig: AgentRig): Promise<void> {
    for (let turn = 0; !this.#ended; turn = (turn + 1) % visits.length) {
      const [where, address, port] = visits[turn] ?? visits[0];
      const resident = await rig.resident(where);
      try {
        await resident.hangUp((await resident.open(address, port)).id);
      } catch (error) {
        this.failures.push(`${where} ${address}: ${String(error)}`);
      }
      this.made++;
      await sleep(300);
    }
  }
}

it.skipIf(reason !== undefined)(
  `a node goes over from the real kube-proxy in mode ipvs without losing a connection${reason === undefined ? '' : ` (${reason})`}`,
  async () => {
    await using rig = await AgentRig.create();
    await rig.publishCRDs();
    await createServices(rig);
    await rig.assign();
    const proxy = await startKubeProxy(rig, [kubeProxy ?? ''], 'ipvs');
    const held: { resident: Resident; id: number }[] = [];
    for (const [where, address, port] of visits) {
      const resident = await rig.resident(where);
      held.push({ resident, id: (await resident.open(address, port)).id });
    }
    const traffic = new Traffic(rig);
    const agent = rig.startAssignedAgent();
    const until = (type: string, says: string): Promise<void> =>
      rig.until(`${type} to be ${says}`, async () => (await rig.condition(type)) === says, agent);
    await until('Synced', 'True UpToDate');
    await until('KubeProxyRules', 'True Present');
    await proxy.end('SIGTERM');
    await rig.parkKubeProxy();
    await until('KubeProxyRules', 'True Draining');
    for (const { resident, id } of held) await resident.talk(id);
    const { made, failures } = await traffic.end();
    expect(made).toBeGreaterThan(10);
    expect(failures).toEqual([]);
    for (const { resident, id } of held) await resident.hangUp(id);
    await until('KubeProxyRules', 'False CleanedUp');
    const left = await Promise.all([
      rig.node.run('ip', ['-o', 'link', 'show']),
      rig.node.run('ipset', ['list', '-n']),
      rig.node.run('iptables-nft-save'),
    ]);
    expect(left.join('\n')).not.toMatch(/kube-ipvs0|KUBE-(?!FIREWALL|KUBELET-CANARY|IPTABLES-HINT|MARK-DROP)/);
    await agent.end('SIGTERM');
  },
  600_000,
);
