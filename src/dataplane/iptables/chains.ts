import { digestOf } from '../digest.ts';

export const tables = ['nat', 'filter'] as const;
export type TableName = (typeof tables)[number];

/** Which chain of which table: `nat NFTPROXY-SERVICES`. */
export type ChainKey = `${TableName} ${string}`;

/** Rules as `iptables-save` prints them, without `-A` and the chain's name. */
export type Rules = readonly string[];

export type Chains = ReadonlyMap<ChainKey, Rules>;

/** Chains that become others; undefined for those that go. */
export type ChainChanges = ReadonlyMap<ChainKey, Rules | undefined>;

/** What every chain of ours begins with, and nobody else's. */
export const prefix = 'NFTPROXY-';

/** Longest name of a chain that iptables takes (XT_EXTENSION_MAXNAMELEN in linux/netfilter/x_tables.h, with its NUL). */
export const longestName = 28;

/** Chains that are always there, and roots of trees. */
export const names = {
  services: `${prefix}SERVICES`,
  addresses: `${prefix}VIP`,
  nodePorts: `${prefix}NODEPORT`,
  sources: `${prefix}SOURCES`,
  hairpin: `${prefix}HAIRPIN`,
  masquerade: `${prefix}MASQ`,
  masqueradeNodePorts: `${prefix}MASQNP`,
  masqueradeClusterIPs: `${prefix}MASQCIP`,
  masqueradeHost: `${prefix}MASQHOST`,
  refuse: `${prefix}REFUSE`,
  reject: `${prefix}REJECT`,
  noSuchPort: `${prefix}NOPORT`,
} as const;

/**
 * Chains of one Service port: `C` chooses among all endpoints, `L` among those of this node, `X` who gets which of the
 * two, `F` admits sources, `E` leads to one endpoint.
 */
export function portChain(kind: PortChainKind, ...of: readonly string[]): string {
  return `${portChainStart(kind)}${digestOf(of.join(' '))}`;
}

type PortChainKind = 'C' | 'L' | 'X' | 'F' | 'E';

/** What the names of all chains of a kind begin with. */
export function portChainStart(kind: PortChainKind): string {
  return `${prefix}${kind}-`;
}

export function inTable(table: TableName, name: string): ChainKey {
  return `${table} ${name}`;
}

/** The table and the name of a chain. */
export function partsOf(key: ChainKey): [table: TableName, name: string] {
  const space = key.indexOf(' ');
  return [key.startsWith('nat') ? 'nat' : 'filter', key.slice(space + 1)];
}
