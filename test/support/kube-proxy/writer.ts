import { runCommand } from '../commands.ts';
import { iptablesRules, iptablesTables } from './iptables-rules.ts';
import { nftablesRules } from './nftables-rules.ts';
import type { IpFamily, ProxiedNode, ProxiedObjects } from './objects.ts';
import { servicePorts } from './service-ports.ts';

/** kube-proxy's modes that this machine's kernel has. */
export const kubeProxyModes = ['nftables', 'iptables'] as const;
export type KubeProxyMode = (typeof kubeProxyModes)[number];

/** Runs a command where the rules go, and resolves with its stdout. @throws CommandError */
type Run = (command: string, args: readonly string[], options?: { readonly input: string }) => Promise<string>;
const here: Run = async (...command) => (await runCommand(...command)).stdout;

/** Writes all rules anew, into the network namespace of the caller unless `run` does it elsewhere. @throws CommandError */
export async function writeRules(
  mode: KubeProxyMode,
  objects: ProxiedObjects,
  node: ProxiedNode,
  run: Run = here,
): Promise<void> {
  for (const family of [4, 6] as const) {
    const ports = servicePorts(objects, node, family);
    if (mode === 'nftables') await run('nft', ['-f', '-'], { input: nftablesRules(ports, node, family) });
    else await writeIptables(family, (table, saved) => iptablesRules(table, ports, { node, family, saved }), run);
  }
}

type Rules = (table: (typeof iptablesTables)[number], saved: string) => string;

async function writeIptables(family: IpFamily, rules: Rules, run: Run): Promise<void> {
  const program = family === 4 ? 'iptables-nft' : 'ip6tables-nft';
  for (const table of iptablesTables) {
    const saved = await run(`${program}-save`, ['-t', table]);
    await run(`${program}-restore`, ['--noflush', '--counters'], { input: rules(table, saved) });
  }
}
