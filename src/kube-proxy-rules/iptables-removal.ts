import type { ChainInfo, IpTableFamily, RuleInfo } from '../nftables/index.ts';
import { sameNames, Transaction } from '../nftables/index.ts';
import { isEntry, isKubeProxyChain } from './names.ts';

/** A table of iptables (of its nf_tables variant) as the kernel has it. */
export interface IptablesTable {
  readonly family: IpTableFamily;
  readonly name: string;
  readonly chains: readonly Pick<ChainInfo, 'name' | 'base'>[];
  readonly rules: readonly Pick<RuleInfo, 'chain' | 'handle' | 'leadsTo'>[];
}

/** What is to go of kube-proxy's in a table. */
export interface IptablesRemoval {
  /** Rules of built-in chains by which packets come to kube-proxy's. */
  readonly entries: readonly { readonly chain: string; readonly handle: number }[];
  readonly chains: readonly string[];
  /** Chains of kube-proxy's that stay, because somebody else's rules lead to them: `KUBE-MARK-MASQ (from CNI-HOSTPORT)`. */
  readonly kept: readonly string[];
}

/**
 * What of a table is kube-proxy's: its chains, and the rules of built-in chains that lead into them. A chain that somebody
 * else's rule leads to stays as it is, with all that it leads to itself.
 */
export function planIptablesRemoval({ name, chains, rules }: IptablesTable): IptablesRemoval {
  const ours = new Set(chains.flatMap((chain) => (isKubeProxyChain(name, chain.name) ? [chain.name] : [])));
  const builtIn = new Set(chains.flatMap((chain) => (chain.base === undefined ? [] : [chain.name])));
  const leadsToOurs = rules.filter(({ chain, leadsTo }) => !ours.has(chain) && leadsTo.some((to) => ours.has(to)));
  const isOwnEntry = ({ chain, leadsTo }: IptablesTable['rules'][number]): boolean =>
    builtIn.has(chain) && leadsTo.every((to) => isEntry(name, to));
  const foreign = leadsToOurs.filter((rule) => !isOwnEntry(rule));
  const kept = reachableFrom(
    foreign.flatMap(({ leadsTo }) => leadsTo).filter((to) => ours.has(to)),
    rules,
  );
  return {
    entries: leadsToOurs.filter(isOwnEntry).map(({ chain, handle }) => ({ chain, handle })),
    chains: [...ours].filter((chain) => !kept.has(chain)),
    kept: [...new Set(foreign.flatMap(({ chain, leadsTo }) => leadsTo.map((to) => `${to} (from ${chain})`)))],
  };
}

function reachableFrom(start: readonly string[], rules: IptablesTable['rules']): Set<string> {
  const reached = new Set(start);
  const targets = Map.groupBy(rules, ({ chain }) => chain);
  // A set's iterator comes to what is added on the way.
  for (const chain of reached) {
    for (const { leadsTo } of targets.get(chain) ?? []) for (const to of leadsTo) reached.add(to);
  }
  return reached;
}

/** Whether there is anything that can go. */
export function removesAnything({ entries, chains }: IptablesRemoval): boolean {
  return entries.length + chains.length > 0;
}

/** The removal as one transaction: no packet sees a part of it. */
export function iptablesTransaction({ family, name }: IptablesTable, removal: IptablesRemoval): Transaction {
  const transaction = new Transaction(name, sameNames, family);
  for (const { chain, handle } of removal.entries) transaction.deleteRule(chain, handle);
  // A chain can only be deleted when no rule leads to it any more.
  for (const chain of removal.chains) transaction.flushChain(chain);
  for (const chain of removal.chains) transaction.deleteChain(chain);
  return transaction;
}
