import { describe, expect, it } from 'vitest';
import type { Mode } from '../../../src/api/index.ts';
import { haproxyDirectory } from '../../../src/haproxy/index.ts';
import { AgentRig } from '../agent-rig.ts';
import type { ManagedProcess } from '../../support/index.ts';
import { kubeProxyCommand, kubeProxyModes } from '../../support/kube-proxy/index.ts';
import { addresses } from '../../support/node/index.ts';
import { Haproxy } from '../../userspace/index.ts';
import { leaveUserspace, proxied, startBeside, startKubeProxy } from './rig.ts';
import { clusterIP, createServices, nodePort } from './services.ts';

/** What somebody else has on the node: rules of the kubelet's and of a CNI plugin's. */
const foreign = {
  filter: '*filter\n:KUBE-FIREWALL - [0:0]\n:CNI-FORWARD - [0:0]\n-A FORWARD -j CNI-FORWARD\nCOMMIT\n',
  mangle: '*mangle\n:KUBE-KUBELET-CANARY - [0:0]\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n',
  nat: '*nat\n:CNI-HOSTPORT-MASQ - [0:0]\n-A POSTROUTING -j CNI-HOSTPORT-MASQ\nCOMMIT\n',
};
const chainsOfOthers = [
  'KUBE-FIREWALL',
  'KUBE-KUBELET-CANARY',
  'KUBE-IPTABLES-HINT',
  'CNI-FORWARD',
  'CNI-HOSTPORT-MASQ',
];

/** Where connections are opened, and to what: over every way that kube-proxy translates and masquerades. */
const visits = [
  ['clientPod', clusterIP(4, 10), 80],
  ['clientPod', clusterIP(6, 10), 80],
  ['node', clusterIP(4, 10), 80],
  ['outside', addresses[4].node, nodePort],
  ['outside', addresses[4].loadBalancerIP, 80],
] as const;

type Visit = (typeof visits)[number];

/** kube-proxy's mode and ours. */
const ways = kubeProxyModes.flatMap((theirs) =>
  (['nftables', 'iptables', 'userspace'] as const).map((ours) => ({ theirs, ours })),
);

describe.each(ways)('the node goes over from kube-proxy in mode $theirs to mode $ours', ({ theirs, ours }) => {
  it('without losing a connection, and nothing of kube-proxy is left, and all of others; and back', async () => {
    await using rig = await AgentRig.create();
    await using haproxy = ours === 'userspace' ? await Haproxy.in(rig.node, haproxyDirectory) : undefined;
    const proxy = await begin(rig, theirs, ours);
    const held = await open(rig);
    for (const [where, address, port] of visits) {
      await (await rig.resident(where)).flood({ address, port, concurrency: 1 });
    }
    const agent = startBeside(rig, haproxy);
    await until(rig, agent, 'Synced', 'True UpToDate');
    await haproxy?.start();
    // Not `none`, which has no endpoint.
    await rig.until('HAProxy to serve', async () => (await proxied(rig)) === (haproxy ? 6 : 0), agent);
    await until(rig, agent, 'KubeProxyRules', 'True Present');
    await proxy.end('SIGTERM');
    await rig.parkKubeProxy();
    await until(rig, agent, 'KubeProxyRules', 'False CleanedUp');
    expect(await kubeProxyChains(rig)).toEqual([]);
    expect(await missingOfOthers(rig)).toEqual([]);
    await talk(rig, held);

    const heldByUs = await open(rig);
    await rig.parkKubeProxy(false);
    const again = await startKubeProxy(rig, kubeProxyCommand(), theirs);
    if (haproxy) {
      await leaveUserspace(rig, agent);
      await talk(rig, heldByUs);
      await hangUp(rig, heldByUs.splice(0));
    }
    await rig.orderCleanup();
    await until(rig, agent, 'Synced', 'True CleanedUp');
    expect(await traces(rig)).toEqual([]);
    await talk(rig, [...held, ...heldByUs]);
    for (const where of ['clientPod', 'node', 'outside'] as const) {
      const made = await (await rig.resident(where)).endFlood();
      expect(made.length).toBeGreaterThan(10);
      expect(made.filter(({ error }) => error !== undefined)).toEqual([]);
    }
    await again.end('SIGTERM');
    await agent.end('SIGTERM');
  }, 120_000);
});

describe.each(kubeProxyModes)('the node goes over from kube-proxy in mode %s', (mode) => {
  it('again when its rules come back while it is parked, and leaves them alone when it is not', async () => {
    await using rig = await AgentRig.create();
    const proxy = await begin(rig, mode);
    const agent = rig.startAssignedAgent({ hurry: 20 });
    await until(rig, agent, 'KubeProxyRules', 'True Present');
    await proxy.end('SIGKILL');
    await rig.parkKubeProxy();
    await until(rig, agent, 'KubeProxyRules', 'False CleanedUp');

    await (await startKubeProxy(rig, kubeProxyCommand(), mode)).end('SIGKILL');
    const gone = async (): Promise<boolean> => (await kubeProxyChains(rig)).length === 0;
    await rig.until('the rules that came back to go', gone, agent);

    await rig.parkKubeProxy(false);
    await until(rig, agent, 'Synced', 'True UpToDate');
    await (await startKubeProxy(rig, kubeProxyCommand(), mode)).end('SIGKILL');
    await until(rig, agent, 'KubeProxyRules', 'True Present');
    expect(await kubeProxyChains(rig)).not.toEqual([]);
    await agent.end('SIGTERM');
  }, 180_000);

  it('by hand, too, and the connections that it has translated go on', async () => {
    await using rig = await AgentRig.create();
    const proxy = await begin(rig, mode);
    const agent = await rig.startedAgent();
    const client = await rig.resident('clientPod');
    const { id } = await client.open(clusterIP(4, 10));
    await proxy.end('SIGTERM');
    const first = await rig.nftproxy('cleanup', '--kube-proxy');
    expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^removed /) as unknown });
    expect(await kubeProxyChains(rig)).toEqual([]);
    expect(await rig.nftproxy('cleanup', '--kube-proxy')).toMatchObject({
      exitCode: 0,
      stdout: 'nothing to remove of kube-proxy\n',
    });
    expect(await rig.nft('list', 'tables')).toContain('table inet nftproxy');
    await client.talk(id);
    await agent.end('SIGTERM');
  });
});

it("a chain of kube-proxy's that a rule of somebody else leads to stays, and the node says which", async () => {
  await using rig = await AgentRig.create();
  const proxy = await begin(rig, 'iptables');
  const rule = ['-t', 'nat', '-A', 'CNI-HOSTPORT-MASQ', '-j', 'KUBE-MARK-MASQ'];
  await rig.node.run('iptables-nft', rule);
  const agent = rig.startAssignedAgent();
  await until(rig, agent, 'Synced', 'True UpToDate');
  await proxy.end('SIGTERM');
  await rig.parkKubeProxy();
  await until(rig, agent, 'KubeProxyRules', 'True OthersUseThem');
  expect(await kubeProxyChains(rig)).toEqual(['KUBE-MARK-MASQ']);
  const { status } = await rig.nodeState();
  const message = status?.conditions?.find(({ type }) => type === 'KubeProxyRules')?.message;
  expect(message).toContain('KUBE-MARK-MASQ (from CNI-HOSTPORT-MASQ) in ip nat');
  expect((await rig.nftproxy('cleanup', '--kube-proxy')).exitCode).toBe(1);
  await agent.end('SIGTERM');
});

/** A connection that somebody keeps: where, and which. */
type Held = readonly [Visit[0], number];

/** Opens a connection for each visit. */
async function open(rig: AgentRig): Promise<Held[]> {
  const held: Held[] = [];
  for (const [where, address, port] of visits) {
    held.push([where, (await (await rig.resident(where)).open(address, port)).id]);
  }
  return held;
}

/** Says something on each, and has an answer. */
async function talk(rig: AgentRig, held: readonly Held[]): Promise<void> {
  for (const [where, id] of held) await (await rig.resident(where)).talk(id);
}

async function hangUp(rig: AgentRig, held: readonly Held[]): Promise<void> {
  for (const [where, id] of held) await (await rig.resident(where)).hangUp(id);
}

/** Services, what others have on the node, kube-proxy with its rules, and an assignment. */
async function begin(
  rig: AgentRig,
  theirs: (typeof kubeProxyModes)[number],
  ours: Mode = 'nftables',
): Promise<ManagedProcess> {
  await rig.publishCRDs();
  await createServices(rig);
  for (const table of Object.values(foreign)) {
    await rig.node.run('iptables-nft-restore', ['--noflush'], { input: table });
  }
  const proxy = await startKubeProxy(rig, kubeProxyCommand(), theirs);
  await rig.assign({ mode: ours });
  return proxy;
}

async function until(rig: AgentRig, agent: ManagedProcess, type: string, says: string): Promise<void> {
  await rig.until(`${type} to be ${says}`, async () => (await rig.condition(type)) === says, agent);
}

async function kubeProxyChains(rig: AgentRig): Promise<string[]> {
  const ruleset = await rig.nft('list', 'ruleset');
  const tables = ruleset.match(/^table ip6? kube-proxy/gm) ?? [];
  const chains = [...ruleset.matchAll(/^\tchain (KUBE-\S+)/gm)].flatMap(([, name = '']) => name);
  return [...tables, ...new Set(chains.filter((name) => !chainsOfOthers.includes(name)))];
}

/** What of us is on the node. */
async function traces(rig: AgentRig): Promise<string[]> {
  const ruleset = await rig.nft('list', 'ruleset');
  return [...ruleset.matchAll(/^table inet nftproxy.*|^\tchain NFTPROXY-.*/gm)].map(([line]) => line);
}

async function missingOfOthers(rig: AgentRig): Promise<string[]> {
  const ruleset = await rig.nft('list', 'ruleset');
  const rules = ['jump CNI-FORWARD', 'jump CNI-HOSTPORT-MASQ', ...chainsOfOthers.map((name) => `chain ${name} {`)];
  return rules.filter((text) => !ruleset.includes(text));
}
