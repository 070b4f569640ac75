import { haproxyDirectory } from '../../../src/haproxy/index.ts';
import { eventually } from '../../support/index.ts';
import type { ManagedProcess } from '../../support/index.ts';
import { addresses } from '../../support/node/index.ts';
import type { KubeProxyMode } from '../../support/kube-proxy/index.ts';
import type { Haproxy } from '../../userspace/index.ts';
import type { AgentRig } from '../agent-rig.ts';

/** Starts a kube-proxy on the rig's node and waits until its rules are in the kernel. */
export async function startKubeProxy(
  rig: AgentRig,
  command: readonly string[],
  mode: KubeProxyMode | 'ipvs',
): Promise<ManagedProcess> {
  const kubeconfig = await rig.apiServer.issueKubeconfig('kube-proxy', 'https://127.0.0.1:6443', ['system:masters']);
  const process = rig.node.start([
    ...command,
    ...['--kubeconfig', kubeconfig, '--hostname-override', 'node-1', '--proxy-mode', mode],
    ...['--cluster-cidr', `${addresses[4].podCIDR},${addresses[6].podCIDR}`],
    // The table of connections belongs to the whole machine.
    '--conntrack-max-per-core=0',
    // So that the real one says when it has written.
    '--v=2',
    // What the API server of the tests does not speak.
    ...['--kube-api-content-type=application/json', '--feature-gates=WatchListClient=false'],
  ]);
  // Whatever answers on its ports may be somebody else.
  const program = mode === 'nftables' ? 'nft' : 'ip6tables-nft-save';
  const args = mode === 'nftables' ? ['list', 'ruleset', 'ip6'] : [];
  const name = { nftables: 'chain external-', iptables: '-A KUBE-EXT-', ipvs: '-A KUBE-SERVICES' }[mode];
  // They may be gone again before anybody has looked, where an agent takes them out.
  const said = () => /has written its rules|SyncProxyRules complete" ipFamily="IPv6"/.test(process.output);
  await eventually(
    'kube-proxy to write its rules',
    async () => said() || (await rig.node.run(program, args)).includes(name),
    {
      milliseconds: 50,
      hopeless: () => !process.running,
      evidence: () => process.output,
    },
  );
  return process;
}

/**
 * The rules of kube-proxy on the node as another program of the same kind would have to write them: chains with their
 * hooks, sets and maps of the tables `kube-proxy`, and for iptables every rule; sorted, as order between chains is none.
 */
export async function shapeOf(rig: AgentRig, mode: KubeProxyMode): Promise<string[]> {
  if (mode === 'nftables') {
    const text = await rig.nft('list', 'ruleset');
    const heads = /^(?:table .*|\t(?:chain|set|map) .*|\t\t(?:type|flags) .*)$/gm;
    return [...text.matchAll(heads)].map(([line]) => line.trim()).toSorted();
  }
  const saved = await Promise.all(['iptables-nft-save', 'ip6tables-nft-save'].map((program) => rig.node.run(program)));
  const lines = saved.flatMap((text) => text.split('\n'));
  return lines.flatMap((line) => ruleOf(line)).toSorted();
}

/** A line of iptables-save without what counts or explains; kube-proxy's rules that only count (nfacct) are left out. */
function ruleOf(line: string): string[] {
  if (!/^[:*-]/.test(line) || (line.includes('nfacct') && !line.includes('INVALID'))) return [];
  const bare = line.replace(/ \[\d+:\d+\]$/, '').replace(/ -m nfacct --nfacct-name +\S+/, '');
  const words = bare.replaceAll(/ -m comment --comment ("[^"]*"|\S+)/g, '').split(/ (?=-|! -)/);
  return [[words[0], ...words.slice(1).toSorted()].join(' ')];
}

/** How many Service ports HAProxy serves. */
export async function proxied(rig: AgentRig): Promise<number> {
  return (await rig.nodeState()).status?.servedBy?.userspace ?? 0;
}

/** Starts an assigned agent that finds this HAProxy where an agent's Pod has it, if there is one. */
export function startBeside(rig: AgentRig, haproxy: Haproxy | undefined): ManagedProcess {
  return rig.startAssignedAgent(haproxy ? { mounts: { [haproxyDirectory]: haproxy.directory } } : {});
}

/** Leaves mode userspace: what goes through HAProxy is in it, and ends with it (docs/modes.md). */
export async function leaveUserspace(rig: AgentRig, agent: ManagedProcess): Promise<void> {
  await rig.assign({ mode: 'nftables' });
  await rig.until('slots to serve', async () => (await proxied(rig)) === 0, agent);
}
