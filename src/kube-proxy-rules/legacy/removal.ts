import { builtInChains, entriesOf, without } from '../../iptables/index.ts';
import type { LegacyTables, Rebuilt, TableBlob, TableEntry } from '../../iptables/index.ts';
import { errno, NetlinkError } from '../../netlink/index.ts';
import { planIptablesRemoval, removesAnything } from '../iptables-removal.ts';
import type { IptablesRemoval, IptablesTable } from '../iptables-removal.ts';

/** Others write all the time. */
const attempts = 20;

/** A table of legacy iptables as {@link planIptablesRemoval} wants it: a rule's handle is its place among the entries. */
export function asIptablesTable(table: TableBlob, entries: readonly TableEntry[]): IptablesTable {
  const builtIn = builtInChains(table);
  const base = { type: 'nat', hook: 'prerouting', priority: 0 } as const;
  const heads = entries.flatMap(({ isHead, chain }) => (isHead && chain !== undefined ? [chain] : []));
  return {
    family: table.family === 4 ? 'ip' : 'ip6',
    name: table.name,
    chains: [...builtIn.map((name) => ({ name, base })), ...heads.map((name) => ({ name }))],
    rules: entries.flatMap(({ chain, isHead, leadsTo }, handle) =>
      chain === undefined || isHead ? [] : [{ chain, handle, leadsTo: leadsTo === undefined ? [] : [leadsTo] }],
    ),
  };
}

/** The table without what is to go. */
export function carryOut(table: TableBlob, entries: readonly TableEntry[], removal: IptablesRemoval): Rebuilt {
  const chains = new Set(removal.chains);
  const goes = new Set(removal.entries.map(({ handle }) => handle));
  for (const [index, { chain }] of entries.entries()) if (chain !== undefined && chains.has(chain)) goes.add(index);
  return without(table, entries, goes);
}

/**
 * Takes kube-proxy's chains out of a table, and the rules by which packets come there. What somebody else writes at the
 * same moment is lost only if it leaves the number of rules as it is: the kernel has no better lock, and the iptables
 * command's file is not to be reached from a container. Throws NetlinkError.
 */
export function removeFromLegacy(tables: LegacyTables, name: string): IptablesRemoval {
  for (let attempt = 1; ; attempt++) {
    const table = tables.read(name);
    const entries = entriesOf(table);
    const removal = planIptablesRemoval(asIptablesTable(table, entries));
    try {
      if (removesAnything(removal)) tables.write(carryOut(table, entries, removal), entries.length);
      return removal;
    } catch (error) {
      const changed = error instanceof NetlinkError && error.errno === errno.EAGAIN;
      if (!changed || attempt === attempts) throw error;
    }
  }
}
