import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { servicesPriority, tableName } from '../dataplane/index.ts';
import { describeFound } from '../kube-proxy-rules/index.ts';
import type { FoundRules } from '../kube-proxy-rules/index.ts';
import type { ChainInTable } from '../nftables/index.ts';
import { passed, warning } from './finding.ts';
import type { Finding } from './finding.ts';

/** Interfaces by which programs that serve Services by themselves give themselves away. */
const others: readonly { readonly device: RegExp; readonly program: string; readonly todo: string }[] = [
  {
    device: /^cilium_(?:host|net|vxlan)$/,
    program: 'Cilium',
    todo: 'If its kubeProxyReplacement is on, Services never reach nftproxy: switch it off first.',
  },
  {
    device: /^bpf(?:in|out)\.cali$/,
    program: "Calico's eBPF data plane",
    todo: 'It serves Services itself: set linuxDataplane: Iptables or Nftables first.',
  },
  {
    device: /^kube-dummy-if$/,
    program: "kube-router's service proxy",
    todo: 'Run kube-router with --run-service-proxy=false, and kube-router --cleanup-config.',
  },
  { device: /^antrea-gw0$/, program: 'Antrea', todo: 'If its antreaProxy.proxyAll is on, switch it off first.' },
];

/** What of a node's /proc/net and sysctls is looked at. */
export interface NodeFiles {
  /** `/proc/net`, or what stands in for it. */
  readonly procNet: string;
  /** `/proc/sys`, or where the node's sysctls are. */
  readonly sysctls: string;
}

/** Another program that serves Services on the node. */
export async function otherProxyFindings({ procNet }: NodeFiles): Promise<Finding[]> {
  const devices = (await text(join(procNet, 'dev'))).split('\n').flatMap((line) => line.trim().split(':')[0] ?? '');
  const found = others.flatMap(({ device, program, todo }) => {
    const name = devices.find((candidate) => device.test(candidate));
    return name === undefined ? [] : [warning('other-proxy', `${program} is on this node (interface ${name})`, todo)];
  });
  return found.length > 0
    ? found
    : [passed('other-proxy', 'no other program that serves Services by itself is known here')];
}

/** kube-proxy's rules, of whatever mode. */
export function kubeProxyRulesFinding(found: FoundRules): Finding {
  const name = 'kube-proxy-rules';
  const parts = describeFound(found);
  if (parts.length === 0) return passed(name, 'the kernel has no rules of kube-proxy');
  const todo = 'Once nftproxy serves and kube-proxy is gone: run "nftproxy cleanup --kube-proxy".';
  const ipvs =
    ' Until then the node has ClusterIPs of its own, and connects to Services from them: nftproxy masquerades that only ' +
    'if the ProxyConfig says which sources are pods (clusterCIDRs, detectLocal), or masqueradeAll.';
  return warning(name, parts.join(', '), found.ipvs === undefined ? todo : todo + ipvs);
}

/** Chains of other programs that packets of Services come through, and that drop what they do not know. */
export function foreignChainFindings(chains: readonly ChainInTable[]): Finding[] {
  const ours = (chain: ChainInTable): boolean => chain.family === 'inet' && chain.table === tableName;
  const strangers = chains.filter((chain) => chain.base !== undefined && !ours(chain) && chain.table !== 'kube-proxy');
  const named = ({ family, table, name }: ChainInTable): string => `${family} ${table} ${name}`;
  const drops = strangers.filter(({ drops: isDrop, base }) => isDrop === true && base?.hook !== 'output').map(named);
  // Of nat chains with one priority the kernel asks the one first that was made last.
  const earlier = strangers.filter(
    ({ base }) =>
      base?.type === 'nat' && ['prerouting', 'output'].includes(base.hook) && base.priority <= servicesPriority,
  );
  const findings = [
    ...(drops.length === 0
      ? []
      : [
          warning(
            'foreign-rules',
            `chains with policy drop see forwarded packets: ${drops.join(', ')}`,
            'See that their rules accept traffic to and from pods in both directions: nftproxy accepts for nobody, ' +
              "and kube-proxy's KUBE-FORWARD lets through what kube-proxy has marked, which nftproxy's connections are not.",
          ),
        ]),
    ...(earlier.length === 0
      ? []
      : [
          warning(
            'foreign-rules',
            `other nat chains come before nftproxy's, or may: ${earlier.map(named).join(', ')}`,
            'What they translate never reaches a Service: see that they leave addresses of Services alone.',
          ),
        ]),
  ];
  return findings.length > 0 ? findings : [passed('foreign-rules', 'no chain of others is in the way')];
}

/** kube-proxy's way to serve NodePorts on 127.0.0.1 opens the loopback network to the outside. */
export async function routeLocalnetFinding({ sysctls }: NodeFiles): Promise<Finding> {
  const name = 'route_localnet';
  const value = (await text(join(sysctls, 'net/ipv4/conf/all/route_localnet'))).trim();
  if (value !== '1') return passed(name, 'off');
  const what = 'net.ipv4.conf.all.route_localnet is 1, as kube-proxy leaves it for NodePorts on 127.0.0.1';
  return warning(
    name,
    what,
    'nftproxy serves those without it: once kube-proxy is gone, set it to 0 if nobody else needs it.',
  );
}

/** What a ProxyConfig wants of a node. */
export interface Wanted {
  /** `nf_conntrack_max`; undefined or 0: it is left alone. */
  readonly conntrackMax?: number;
  /** The mode; undefined as long as there is no configuration. */
  readonly mode?: string;
}

/** How full the table of connections is, or would be with the limit that is wanted. */
export async function conntrackFinding({ sysctls }: NodeFiles, { conntrackMax = 0 }: Wanted = {}): Promise<Finding> {
  const read = async (file: string): Promise<number> => Number(await text(join(sysctls, 'net/netfilter', file)));
  const [most, count] = [await read('nf_conntrack_max'), await read('nf_conntrack_count')];
  const name = 'conntrack';
  // A network namespace other than the machine's own has no limit of its own to tell.
  if (!(most > 0)) return passed(name, 'the limit cannot be read here');
  const limit = conntrackMax > 0 ? conntrackMax : most;
  const change = limit === most ? '' : ` (the limit is ${most}, the ProxyConfig wants ${limit})`;
  const what = `${count} of ${limit} connections${change}`;
  if (count < 0.8 * limit) return passed(name, what);
  return warning(name, what, 'Raise conntrack.maxPerCore or conntrack.min of the ProxyConfig, or nf_conntrack_max.');
}

async function text(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES')) return '';
    throw error;
  }
}
