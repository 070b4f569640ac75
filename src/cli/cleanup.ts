import { dataPlaneFactories, removeAll } from '../dataplane/index.ts';
import { KubeProxyRules } from '../kube-proxy-rules/index.ts';
import { createLogger, parseOptions } from '../runtime/index.ts';

const usage = `Usage: nftproxy cleanup [--kube-proxy]

Removes what every data plane of nftproxy has in this node's kernel (the table inet nftproxy), and with it all Service
forwarding. Connections that are already translated go on. Never touches anything else. Stop the agent first: while it
runs, its table is its own.

  --kube-proxy   remove kube-proxy's rules instead (the tables kube-proxy of nftables, its chains in iptables of both
                 kinds, what its mode ipvs leaves), and nothing of nftproxy's: for when nftproxy runs and kube-proxy does
                 not any more. Chains that rules of others lead to stay, and virtual servers of IPVS that have open
                 connections; they are named. Exit code 1 if anything of kube-proxy's is left.
`;

/** `nftproxy cleanup`: what stopping an agent never does. */
export async function cleanup(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, usage, { 'kube-proxy': { type: 'boolean', default: false } });
  if (options['kube-proxy']) return cleanUpAfterKubeProxy();
  const log = createLogger({ format: 'text', level: 'warn', write: (line) => process.stderr.write(line) });
  for (const [mode, removed] of await removeAll(dataPlaneFactories({ log }))) {
    process.stdout.write(removed === undefined ? `nothing to remove of mode ${mode}\n` : `removed ${removed}\n`);
  }
  return 0;
}

async function cleanUpAfterKubeProxy(): Promise<number> {
  const rules = new KubeProxyRules();
  const { removed, kept } = await rules.remove();
  const { ipvs } = await rules.find();
  for (const what of removed) process.stdout.write(`removed ${what}\n`);
  for (const chain of kept) process.stdout.write(`left, because somebody else's rules lead to it: ${chain}\n`);
  if (ipvs !== undefined) {
    const busy = `left, because ${ipvs.virtualServers} virtual servers of IPVS have open connections`;
    process.stdout.write(`${busy}: run this again when they have ended\n`);
  }
  const isLeft = kept.length > 0 || ipvs !== undefined;
  if (removed.length === 0 && !isLeft) process.stdout.write('nothing to remove of kube-proxy\n');
  return isLeft ? 1 : 0;
}
