import type { Family, Protocol } from '../../services/index.ts';

/**
 * Endpoint-selection chains: the last step of every path, where the kernel chooses a slot and translates the destination.
 *
 * The modulus of a draw is part of the rule, so there is one chain per slot count in use, shared by all Services and
 * made when it is first needed. Only round robin has a chain per Service port: a shared counter would serve two
 * alternating Services one endpoint each.
 */
export interface Selection {
  readonly scope: Scope;
  readonly family: Family;
  readonly method: 'random' | 'hash' | 'round_robin';
  readonly slots: number;
  /** Of round robin: the Service port that it is for. */
  readonly only?: { readonly digest: string; readonly protocol: Protocol; readonly id: string };
}

/** Which endpoints of which kind of frontend: by Service address or by NodePort, all endpoints or those on this node. */
export type Scope = '' | 'local_' | 'node_port_' | 'node_port_local_';

/**
 * Into how many maps the slots of round-robin Services are dealt. The kernel walks the whole map when a rule that reads
 * it is added, so that one map for all would cost as much as there are slots for each Service.
 */
const roundRobinShards = 128;

/** Which map holds the slots, and the chain that reads it. */
export interface SelectionNames {
  readonly chain: string;
  readonly map: string;
}

/** E.g. `random4_3` over `endpoints4`, or `local_round_robin4_17_1b3c…` over `local_round_robin_endpoints4_17`. */
export function selectionNames({ scope, family, method, slots, only }: Selection): SelectionNames {
  const chain = `${scope}${method}${family}_`;
  if (only === undefined) return { chain: `${chain}${slots}`, map: `${scope}endpoints${family}` };
  const shard = Number.parseInt(only.digest.slice(0, 4), 16) % roundRobinShards;
  return { chain: `${chain}${shard}_${only.digest}`, map: `${scope}round_robin_endpoints${family}_${shard}` };
}

/** The set that says how many slots a frontend has, by the map of round robin that holds them. */
export function countsSetOf(map: string): string {
  return map.replace('endpoints', 'counts');
}

const selectionChain = /^(affinity_)?((?:node_port_)?(?:local_)?)(random|hash|round_robin)([46])_(\w+)$/;

/** What the name of an endpoint-selection chain tells. */
export interface ParsedSelection {
  readonly method: string;
  /** The map with its slots. */
  readonly map: string;
  readonly slots: number;
  /** Maps that are asked first about the client, of which one is there; none without session affinity. */
  readonly affinity: readonly string[];
  /** Of all endpoints, where only addresses are remembered. */
  readonly rememberedPort?: number;
}

/** Whether a chain stays when the last Service port that needs it goes: one that any Service port may need. */
export function isKeptSelection(name: string): boolean {
  const [, sticky, , method] = selectionChain.exec(name) ?? [];
  return sticky === undefined && (method === 'random' || method === 'hash');
}

function affinityMaps(scope: string, family: string, digest = ''): string[] {
  const local = scope.endsWith('local_') ? 'local_' : '';
  return ['affinity', 'affinity_address'].map((map) => `${local}${map}${family}_${digest}`);
}

/** Of the parts of a name after its first number: the one before the Service port's digest. */
function rememberedPort(parts: readonly string[]): Pick<ParsedSelection, 'rememberedPort'> {
  const port = parts.at(-2) ?? '';
  return /^\d{1,5}$/.test(port) ? { rememberedPort: Number(port) } : {};
}

/** The reverse of `selectionNames`, and of the chains with `affinity_` in front. @throws Error for other chains. */
export function parseSelectionChain(name: string): ParsedSelection {
  const [, sticky, scope = '', method, family = '', suffix = ''] = selectionChain.exec(name) ?? [];
  if (method === undefined) throw new Error(`chain ${name} is none that balances`);
  const [first = '', ...digests] = suffix.split('_');
  const affinity = sticky === undefined ? [] : affinityMaps(scope, family, digests.at(-1));
  const remembered = rememberedPort(digests);
  // The chain of a round-robin Service port is named after shard and Service port, not after its slots.
  return method === 'round_robin'
    ? { ...remembered, affinity, method, map: `${scope}round_robin_endpoints${family}_${first}`, slots: Infinity }
    : { ...remembered, affinity, method, map: `${scope}endpoints${family}`, slots: Number(first) };
}
