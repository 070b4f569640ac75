/*
 * What kube-proxy calls its own. Source: pkg/proxy/{iptables,ipvs,nftables}/{proxier,cleanup}.go of kubernetes 1.36;
 * KUBE-XLB- until 1.23. What is not here is never touched: KUBE-FIREWALL, KUBE-KUBELET-CANARY and KUBE-IPTABLES-HINT are
 * the kubelet's, and kube-proxy's own clean-up leaves the double that it makes of the first.
 */

/** The table of mode nftables, in families ip and ip6. */
export const nftablesTable = 'kube-proxy';

/** Chains that rules of built-in chains lead to: the ways into kube-proxy's rules, by the table of iptables. */
const entries: Readonly<Record<string, readonly string[]>> = {
  nat: ['KUBE-SERVICES', 'KUBE-POSTROUTING'],
  filter: [
    ...['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-NODEPORTS', 'KUBE-FORWARD', 'KUBE-PROXY-FIREWALL'],
    ...['KUBE-NODE-PORT', 'KUBE-IPVS-FILTER', 'KUBE-IPVS-OUT-FILTER'],
  ],
  mangle: [],
};

const others: Readonly<Record<string, readonly string[]>> = {
  nat: ['KUBE-NODEPORTS', 'KUBE-MARK-MASQ', 'KUBE-PROXY-CANARY', 'KUBE-NODE-PORT', 'KUBE-LOAD-BALANCER'],
  filter: ['KUBE-PROXY-CANARY', 'KUBE-SOURCE-RANGES-FIREWALL'],
  mangle: ['KUBE-PROXY-CANARY'],
};

/** Chains of one Service port or endpoint: 16 characters of a SHA-256 in base 32. */
const hashed = /^KUBE-(?:SVC|SVL|SEP|FW|EXT|XLB)-[A-Z2-7]{16}$/;

/** The tables of iptables that kube-proxy writes to, in the order in which its rules are to go. */
export const iptablesTables = ['nat', 'filter', 'mangle'] as const;

/** Whether a chain of a table of iptables is one of kube-proxy's. */
export function isKubeProxyChain(table: string, chain: string): boolean {
  if (!chain.startsWith('KUBE-')) return false;
  if (table === 'nat' && hashed.test(chain)) return true;
  return isEntry(table, chain) || (others[table] ?? []).includes(chain);
}

/** Whether kube-proxy itself leads packets there from a built-in chain. */
export function isEntry(table: string, chain: string): boolean {
  return (entries[table] ?? []).includes(chain);
}
