import { preflight as look, worst } from '../preflight/index.ts';
import type { Finding } from '../preflight/index.ts';
import { oneOf, parseOptions, UsageError } from '../runtime/index.ts';
import { AgentPods } from './agent-pods.ts';
import { findingsText, nodesText, readAnswers } from './preflight-text.ts';
import type { FoundOnNode } from './preflight-text.ts';

const usage = `Usage: nftproxy preflight [options]

Looks whether nftproxy can work on this node, and what will be otherwise than one might expect: the kernel (by asking it,
not by its version), kube-proxy and its rules, other service proxies, rules of others, conntrack. Changes nothing. Needs
CAP_NET_ADMIN. Exit code 1 if something is Blocking.

  --mode MODE            whose rules the kernel is asked for: iptables, or nftables, as modes ipvs and userspace need them,
                         too (default nftables)
  --output FORMAT        text or json (default text)
  --sysctl-directory     where the node's sysctls are (default /proc/sys)

On nodes that have an agent, with the rights of the kubeconfig's user (list on pods; get and create on pods/exec). Exit
code 1, too, if a node cannot be asked:

  --node NAME            that node
  --all-nodes            all of them; what several have in common is said once
  --kubeconfig FILE      default: $KUBECONFIG, ~/.kube/config, or the service account of the Pod
`;

const formats = ['text', 'json'] as const;
type Format = (typeof formats)[number];
const modes = ['nftables', 'iptables'] as const;

/** `nftproxy preflight`. */
export async function preflight(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, usage, {
    mode: { type: 'string', default: 'nftables' },
    output: { type: 'string', default: 'text' },
    'sysctl-directory': { type: 'string', default: '/proc/sys' },
    node: { type: 'string' },
    'all-nodes': { type: 'boolean', default: false },
    kubeconfig: { type: 'string' },
  });
  const format = oneOf('--output', options.output, formats);
  const mode = oneOf('--mode', options.mode, modes);
  const { node, 'all-nodes': everywhere, 'sysctl-directory': sysctls, kubeconfig } = options;
  if (everywhere && node !== undefined) throw new UsageError('--all-nodes does not go with --node');
  if (!everywhere && node === undefined) return tell(await look({ procNet: '/proc/net', sysctls }, { mode }), format);
  const question = ['preflight', `--mode=${mode}`, '--output=json', `--sysctl-directory=${sysctls}`];
  const found = await lookElsewhere(node, kubeconfig, question);
  process.stdout.write(format === 'json' ? json(found) : nodesText(found));
  return found.every(({ findings = [], why }) => why === undefined && worst(findings) !== 'Blocking') ? 0 : 1;
}

function tell(findings: readonly Finding[], format: Format): number {
  const outcome = worst(findings);
  process.stdout.write(format === 'json' ? json({ outcome, findings }) : findingsText(findings));
  return outcome === 'Blocking' ? 1 : 0;
}

/** On one node, or with undefined on all. */
async function lookElsewhere(
  node: string | undefined,
  kubeconfig: string | undefined,
  command: readonly string[],
): Promise<FoundOnNode[]> {
  const pods = await AgentPods.connect(kubeconfig);
  try {
    if (node === undefined) return readAnswers(await pods.runOnAll(command));
    return readAnswers(new Map([[node, await pods.run(node, command)]]));
  } finally {
    await pods.close();
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
