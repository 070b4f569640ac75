import { probeFeatures } from '../../nftables/index.ts';
import type { NftablesSocket } from '../../nftables/index.ts';

/** Marks the table as ours; the number changes when an older agent could no longer understand the table. */
export const tableComment = 'nftproxy data plane, layout 1';

/** The table's name is taken by something that is not nftproxy, or by another process that still runs. */
export class ForeignTableError extends Error {
  override readonly name = 'ForeignTableError';
}

/** What was found where our table is to be. */
export interface Claim {
  readonly exists: boolean;
  readonly features: { readonly owner: boolean; readonly persist: boolean };
}

/**
 * Looks whether the table `inet <name>` may be ours: absent, or left by an earlier nftproxy.
 *
 * @throws ForeignTableError saying whose it is and what to do.
 */
export async function claimTable(socket: NftablesSocket, name: string): Promise<Claim> {
  const features = await probeFeatures(socket);
  const table = (await socket.tables()).find((candidate) => candidate.family === 'inet' && candidate.name === name);
  if (!table) return { exists: false, features };
  if (table.ownerPortId !== undefined && table.ownerPortId !== 0 && table.ownerPortId !== socket.portId) {
    throw new ForeignTableError(
      `table inet ${name} is owned by another process (netlink port ${table.ownerPortId}, usually its process id): ` +
        'is a second nftproxy agent running on this node? Stop it and this agent will take the table over.',
    );
  }
  if (table.comment?.startsWith('nftproxy data plane') !== true) {
    throw new ForeignTableError(
      `table inet ${name} exists but was not made by nftproxy (its comment is ` +
        `${table.comment === undefined ? 'missing' : JSON.stringify(table.comment)}): nothing was changed. ` +
        `Delete it ("nft delete table inet ${name}") if nobody needs it; this agent tries again by itself.`,
    );
  }
  return { exists: true, features };
}
