import { preflight as look, worst } from '../preflight/index.ts';
import type { Finding } from '../preflight/index.ts';
import { oneOf, parseOptions } from '../runtime/index.ts';

const usage = `Usage: nftproxy preflight [options]

Looks whether nftproxy can work on this node, and what will be otherwise than one might expect: the kernel (by asking it,
not by its version), kube-proxy and its rules, other service proxies, rules of others, conntrack. Changes nothing. Needs
CAP_NET_ADMIN. Exit code 1 if something is Blocking.

  --output FORMAT        text or json (default text)
  --sysctl-directory     where the node's sysctls are (default /proc/sys)
`;

const formats = ['text', 'json'] as const;

/** `nftproxy preflight`. */
export async function preflight(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, usage, {
    output: { type: 'string', default: 'text' },
    'sysctl-directory': { type: 'string', default: '/proc/sys' },
  });
  const format = oneOf('--output', options.output, formats);
  const findings = await look({ procNet: '/proc/net', sysctls: options['sysctl-directory'] });
  const outcome = worst(findings);
  process.stdout.write(format === 'json' ? `${JSON.stringify({ outcome, findings }, null, 2)}\n` : textOf(findings));
  return outcome === 'Blocking' ? 1 : 0;
}

function textOf(findings: readonly Finding[]): string {
  return findings
    .flatMap(({ name, outcome, what, todo }) => [
      `${outcome.padEnd(9)} ${name.padEnd(17)} ${what}`,
      ...(todo === undefined ? [] : [`${' '.repeat(28)}${todo}`]),
    ])
    .join('\n')
    .concat('\n');
}
