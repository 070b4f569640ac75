import { errno, NetlinkError } from '../../netlink/index.ts';
import type { LegacyTables } from './kernel.ts';
import { entriesOf, without } from './table.ts';

/** Others write all the time. */
const attempts = 20;

/**
 * Takes chains whose names begin with `prefix` out of a table of legacy iptables, and the rules that lead to them. Unlike
 * the programs it needs no raw socket; what somebody else writes at the same moment is lost only if it leaves the number of
 * rules as it is. Throws NetlinkError.
 *
 * @returns the names of the chains that were there
 */
export function removeLegacyChains(tables: LegacyTables, name: string, prefix: string): string[] {
  for (let attempt = 1; ; attempt++) {
    const table = tables.read(name);
    const entries = entriesOf(table);
    const isOurs = (chain: string | undefined): boolean => chain?.startsWith(prefix) === true;
    const goes = new Set(
      [...entries.keys()].filter((index) => isOurs(entries[index]?.chain) || isOurs(entries[index]?.leadsTo)),
    );
    const chains = entries.flatMap(({ isHead, chain }) =>
      isHead && chain !== undefined && isOurs(chain) ? [chain] : [],
    );
    try {
      if (goes.size > 0) tables.write(without(table, entries, goes), entries.length);
      return chains;
    } catch (error) {
      const isChanged = error instanceof NetlinkError && error.errno === errno.EAGAIN;
      if (!isChanged || attempt === attempts) throw error;
    }
  }
}
