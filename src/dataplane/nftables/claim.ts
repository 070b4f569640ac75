import type { NftablesSocket } from '../../nftables/index.ts';
import { ForeignStateError } from '../data-plane.ts';

/** The table's name, in family inet. */
export const tableName = 'nftproxy';
/** Marks the table as ours. */
export const tableComment = 'nftproxy data plane';

/**
 * What stands in our table's place: nothing, a table of ours, or one of ours that cannot be owned any more: the kernel
 * lets nobody become the owner of a table that was made without one (for instance by loading a saved ruleset).
 */
export type Standing = 'absent' | 'ours' | 'ours without an owner';

/**
 * Looks whether there is a table `inet <name>`, and whose it is.
 *
 * @throws ForeignStateError saying whose it is and what to do.
 */
export async function claimTable(socket: NftablesSocket, name: string): Promise<Standing> {
  const table = (await socket.tables()).find((candidate) => candidate.family === 'inet' && candidate.name === name);
  if (!table) return 'absent';
  if (table.ownerPortId !== undefined && table.ownerPortId !== socket.portId) {
    throw new ForeignStateError(
      `table inet ${name} is owned by another process (netlink port ${table.ownerPortId}, usually its process id): ` +
        'is a second nftproxy agent running on this node? Stop it and this agent will take the table over.',
    );
  }
  if (table.comment?.startsWith(tableComment) !== true) {
    throw new ForeignStateError(
      `table inet ${name} exists but was not made by nftproxy (its comment is ` +
        `${table.comment === undefined ? 'missing' : JSON.stringify(table.comment)}): nothing was changed. ` +
        `Delete it ("nft delete table inet ${name}") if nobody needs it; this agent tries again by itself.`,
    );
  }
  return table.flags.owner || table.flags.persist ? 'ours' : 'ours without an owner';
}
