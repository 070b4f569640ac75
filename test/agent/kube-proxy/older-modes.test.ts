import { expect, it } from 'vitest';
import { AgentRig } from '../agent-rig.ts';
import { kubeProxyCommand } from '../../support/kube-proxy/index.ts';
import { startKubeProxy } from './rig.ts';
import { clusterIP, createServices } from './services.ts';

/** Of each family: its commands, and rules that somebody else has. */
const families = [
  { prefix: 'iptables', source: '192.0.2.7' },
  { prefix: 'ip6tables', source: '2001:db8::7' },
] as const;

it('kube-proxy’s rules in legacy iptables go, those of others stay with their counters, and connections go on', async () => {
  await using rig = await AgentRig.create();
  await rig.publishCRDs();
  await createServices(rig);
  const proxy = await startKubeProxy(rig, kubeProxyCommand(), 'iptables');
  await proxy.end('SIGTERM');
  for (const { prefix, source } of families) {
    await makeLegacy(rig, prefix);
    const others = [
      '-N CNI-X',
      `-A CNI-X -s ${source} -j RETURN`,
      '-I POSTROUTING 1 -j CNI-X',
      '-A POSTROUTING -j CNI-X',
    ];
    for (const rule of others) await legacy(rig, prefix, 'nat', rule);
    await legacy(rig, prefix, 'filter', `-A FORWARD -s ${source} -j ACCEPT`);
    await legacy(rig, prefix, 'filter', '-P OUTPUT ACCEPT');
    // No target: such a rule leads to the one behind it.
    await legacy(rig, prefix, 'filter', `-I INPUT 1 -s ${source}`);
    const restore = await rig.node.run(`${prefix}-legacy-save`, ['-t', 'filter', '-c']);
    const counted = restore.replace(/^\[0:0\] (-A FORWARD -s .* -j ACCEPT)$/m, '[5:600] $1');
    expect(counted).not.toBe(restore);
    await rig.node.run(`${prefix}-legacy-restore`, ['-c'], { input: counted });
  }
  const agent = await rig.startedAgent();
  const client = await rig.resident('clientPod');
  const held = [await client.open(clusterIP(4, 10)), await client.open(clusterIP(6, 10))];
  const before = await saved(rig);
  expect(before.some((line) => line.includes('KUBE-SVC-'))).toBe(true);

  const cleaning = await rig.nftproxy('cleanup', '--kube-proxy');

  expect(cleaning).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/chains of legacy ip nat$/m) as unknown,
  });
  const after = await saved(rig);
  expect(after).toEqual(before.filter((line) => !isKubeProxys(line)));
  expect(after.some((line) => line.startsWith('[5:600] -A FORWARD -s '))).toBe(true);
  for (const { id } of held) await client.talk(id);
  expect((await client.open(clusterIP(4, 10))).id).toBeDefined();
  expect(await rig.nftproxy('cleanup', '--kube-proxy')).toMatchObject({
    exitCode: 0,
    stdout: 'nothing to remove of kube-proxy\n',
  });
  await agent.end('SIGTERM');
});

it('a chain in legacy iptables that somebody else’s rule leads to stays, and is named', async () => {
  await using rig = await AgentRig.create();
  for (const rule of ['-N KUBE-MARK-MASQ', '-N KUBE-SERVICES', '-A PREROUTING -j KUBE-SERVICES', '-N CNI-X']) {
    await legacy(rig, 'iptables', 'nat', rule);
  }
  await legacy(rig, 'iptables', 'nat', '-A CNI-X -j KUBE-MARK-MASQ');
  const { exitCode, stdout } = await rig.nftproxy('cleanup', '--kube-proxy');
  expect([exitCode, stdout]).toEqual([1, expect.stringContaining('KUBE-MARK-MASQ (from CNI-X) in legacy ip nat')]);
  const left = await rig.node.run('iptables-legacy-save', ['-t', 'nat']);
  expect(left).toContain('-A CNI-X -j KUBE-MARK-MASQ');
  expect(left).not.toContain('KUBE-SERVICES');
});

it('the interface and the sets that mode ipvs leaves go, those of others stay', async () => {
  await using rig = await AgentRig.create();
  await rig.node.ip('link add kube-ipvs0 type veth peer name ipvs-peer', 'addr add 10.96.0.10/32 dev kube-ipvs0');
  const sets = ['create KUBE-CLUSTER-IP hash:ip,port', 'add KUBE-CLUSTER-IP 10.96.0.10,tcp:80'];
  sets.push(
    'create KUBE-6-LOAD-BALANCER-SOURCE-CID hash:ip,port,net family inet6',
    'create KUBE-NODE-PORT-TCP bitmap:port range 0-65535',
  );
  sets.push('add KUBE-NODE-PORT-TCP 30080', 'create mine hash:ip', 'create KUBE-MINE hash:ip');
  await rig.node.run('ipset', ['restore'], { input: `${sets.join('\n')}\n` });
  const { exitCode, stdout } = await rig.nftproxy('cleanup', '--kube-proxy');
  expect([exitCode, stdout]).toEqual([0, 'removed 3 sets of ipset\nremoved interface kube-ipvs0\n']);
  expect((await rig.node.run('ipset', ['list', '-n'])).split('\n').filter(Boolean)).toEqual(['mine', 'KUBE-MINE']);
  await expect(rig.node.run('ip', ['link', 'show', 'kube-ipvs0'])).rejects.toThrow('does not exist');
});

/** Moves what is in one family's nf_tables variant to legacy iptables. */
async function makeLegacy(rig: AgentRig, prefix: string): Promise<void> {
  const input = await rig.node.run(`${prefix}-nft-save`);
  await rig.node.run(`${prefix}-legacy-restore`, [], { input });
  for (const table of ['nat', 'filter', 'mangle']) {
    for (const all of ['-F', '-X']) await rig.node.run(`${prefix}-nft`, ['-t', table, all]);
  }
}

async function legacy(rig: AgentRig, prefix: string, table: string, rule: string): Promise<void> {
  await rig.node.run(`${prefix}-legacy`, ['-t', table, ...rule.split(' ')]);
}

/** Rules and chains of both families; of one rule its counters, too: packets of others come meanwhile. */
async function saved(rig: AgentRig): Promise<string[]> {
  const texts = await Promise.all(families.map(({ prefix }) => rig.node.run(`${prefix}-legacy-save`, ['-c'])));
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => !line.startsWith('#'));
  return lines.map((line) => line.replace(/^\[(?!5:600\]).*?\] /, '').replace(/^(:.*) \[.*/, '$1'));
}

/** A line of iptables-save that only kube-proxy has. */
function isKubeProxys(line: string): boolean {
  return /KUBE-(?!FIREWALL|KUBELET-CANARY|IPTABLES-HINT)/.test(line);
}
