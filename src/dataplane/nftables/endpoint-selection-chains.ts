import {
  concat,
  dnatFromMap,
  drop,
  goto,
  ipDaddr,
  ipSaddr,
  jhashMod,
  l4proto,
  matchL4Protocols,
  numgenInc,
  numgenRandom,
  thDport,
} from '../../nftables/index.ts';
import type { ChainDefinition, Rule, Statement, Value } from '../../nftables/index.ts';
import type { Family } from '../../services/index.ts';
import { protocols } from './keys.ts';
import type { SetName } from './sets.ts';

/**
 * Endpoint-selection chains: the last step of every path, where the kernel chooses a slot and translates the destination.
 *
 * The modulus of a draw is part of the rule, so there is one chain per slot count in use, shared by all Services and
 * made when it is first needed. Only round robin has a chain per Service port: a shared counter would serve two
 * alternating Services one endpoint each.
 */
export interface SelectionChain {
  readonly name: string;
  readonly family: Family;
  /** Which slot map it reads. */
  readonly endpoints: SlotMap;
  readonly method: 'random' | 'hash' | 'round_robin';
  readonly slots: number;
  /** Consult the client's remembered endpoint first, then `goto` the plain chain of this name. */
  readonly affinityFor?: string;
  /** What `nft list` shows beside a chain that belongs to one Service port. */
  readonly comment?: string;
}

/** The four slot maps: by Service address or by NodePort, all endpoints or those on this node. */
export type SlotMap = Extract<
  SetName,
  'endpoints' | 'local_endpoints' | 'node_port_endpoints' | 'node_port_local_endpoints'
>;

/** The same on every node, so that all nodes send a client to the same endpoint. */
export const hashSeed = 0x6e667470;

const scopeNames: Record<SlotMap, string> = {
  endpoints: '',
  local_endpoints: 'local_',
  node_port_endpoints: 'node_port_',
  node_port_local_endpoints: 'node_port_local_',
};

/** Name of the shared chain for a slot count, e.g. `random4_3` or `node_port_local_hash6_1021`. */
export function selectionChainName(
  endpoints: SlotMap,
  method: SelectionChain['method'],
  family: Family,
  suffix: number | string,
): string {
  return `${scopeNames[endpoints]}${method}${family}_${suffix}`;
}

/** The chain that keeps a client with its endpoint before it falls through to `plain`. */
export function withAffinity(plain: SelectionChain): SelectionChain {
  return { ...plain, name: `affinity_${plain.name}`, affinityFor: plain.name };
}

/** The parts of a packet that make the key of its frontend: its address unless it is a NodePort, protocol and port. */
export function frontendFields(family: Family, nodePort: boolean): Value[] {
  return nodePort ? [l4proto(), thDport()] : [ipDaddr(family), l4proto(), thDport()];
}

export function isNodePortMap(endpoints: SlotMap): boolean {
  return endpoints === 'node_port_endpoints' || endpoints === 'node_port_local_endpoints';
}

/** The chain and its rules as the kernel is to have them. */
export function renderSelectionChain(chain: SelectionChain): { chain: ChainDefinition; rules: Rule[] } {
  const statements = chain.affinityFor === undefined ? drawRules(chain) : affinityRules(chain, chain.affinityFor);
  return {
    chain: { name: chain.name, ...(chain.comment === undefined ? {} : { comment: chain.comment }) },
    rules: statements.map((rule) => ({ chain: chain.name, statements: rule })),
  };
}

function drawRules(chain: SelectionChain): Statement[][] {
  const { family } = chain;
  const map = `${chain.endpoints}${family}`;
  const key = frontendFields(family, isNodePortMap(chain.endpoints));
  const translate = (slot: Value): Statement[] => [
    matchL4Protocols(protocols),
    dnatFromMap(family, concat(...key, slot), map),
  ];
  // The second rule: a packet may look up the Service in one generation of the table and the slot in the next, which
  // has fewer; slot 0 is always there. The last: a packet that still found nothing must not leave untranslated.
  return [translate(draw(chain)), translate(numgenRandom(1)), [drop()]];
}

function draw({ method, family, slots }: SelectionChain): Value {
  if (method === 'hash') return jhashMod([ipSaddr(family)], slots, hashSeed);
  return method === 'round_robin' ? numgenInc(slots) : numgenRandom(slots);
}

function affinityRules({ family }: SelectionChain, plain: string): Statement[][] {
  const key = concat(ipSaddr(family), ...frontendFields(family, false));
  return [[matchL4Protocols(protocols), dnatFromMap(family, key, `affinity${family}`)], [goto(plain)]];
}
