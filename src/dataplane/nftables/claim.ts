import type { NftablesSocket } from '../../nftables/index.ts';
import { ForeignStateError } from '../data-plane.ts';

/** Marks the table as ours; the number changes when an older agent could no longer understand the table. */
export const tableComment = 'nftproxy data plane, layout 1';

/**
 * Whether there is a table `inet <name>` that an earlier nftproxy left; false if there is none at all.
 *
 * @throws ForeignStateError saying whose it is and what to do.
 */
export async function claimTable(socket: NftablesSocket, name: string): Promise<boolean> {
  const table = (await socket.tables()).find((candidate) => candidate.family === 'inet' && candidate.name === name);
  if (!table) return false;
  if (table.ownerPortId !== undefined && table.ownerPortId !== 0 && table.ownerPortId !== socket.portId) {
    throw new ForeignStateError(
      `table inet ${name} is owned by another process (netlink port ${table.ownerPortId}, usually its process id): ` +
        'is a second nftproxy agent running on this node? Stop it and this agent will take the table over.',
    );
  }
  if (table.comment?.startsWith('nftproxy data plane') !== true) {
    throw new ForeignStateError(
      `table inet ${name} exists but was not made by nftproxy (its comment is ` +
        `${table.comment === undefined ? 'missing' : JSON.stringify(table.comment)}): nothing was changed. ` +
        `Delete it ("nft delete table inet ${name}") if nobody needs it; this agent tries again by itself.`,
    );
  }
  return true;
}
