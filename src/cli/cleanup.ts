import { dataPlaneFactories, removeAll } from '../dataplane/index.ts';
import { describeLeft, howToRemoveLeft, KubeProxyRules } from '../kube-proxy-rules/index.ts';
import { createLogger, parseOptions } from '../runtime/index.ts';

const usage = `Usage: nftproxy cleanup [--kube-proxy]

Removes what every data plane of nftproxy has in this node's kernel (the table inet nftproxy), and with it all Service
forwarding. Connections that are already translated go on. Never touches anything else. Stop the agent first: while it
runs, its table is its own.

  --kube-proxy   remove kube-proxy's rules instead (the tables kube-proxy of nftables, its chains in iptables), and
                 nothing of nftproxy's: for when nftproxy runs and kube-proxy does not any more. Chains that rules of
                 others lead to stay, and are named. Exit code 1 if anything of kube-proxy's is left.
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
  const { removed, kept, left } = await new KubeProxyRules().remove();
  const there = describeLeft(left);
  for (const what of removed) process.stdout.write(`removed ${what}\n`);
  for (const chain of kept) process.stdout.write(`left, because somebody else's rules lead to it: ${chain}\n`);
  for (const what of there) process.stdout.write(`left: ${what}: ${howToRemoveLeft}\n`);
  const isLeft = kept.length + there.length > 0;
  if (removed.length === 0 && !isLeft) process.stdout.write('nothing to remove of kube-proxy\n');
  return isLeft ? 1 : 0;
}
