import { randomBytes } from 'node:crypto';
import { NetlinkError } from '../netlink/index.ts';
import { flowAdd } from './expressions/index.ts';
import type { NftablesSocket } from './socket.ts';
import { Transaction } from './transaction.ts';

/** What the running kernel can do, found by doing it. */
export interface Features {
  /** Tables can be owned by a socket (5.12). */
  readonly owner: boolean;
  /** Owned tables can outlive their owner and be adopted (6.9). */
  readonly persist: boolean;
  /** Deleting what may not be there (6.3). */
  readonly destroy: boolean;
}

/**
 * Tries what kernels may lack on an empty table with a random name, deleted again in the same transaction: nothing of
 * it is ever seen by packets or by others. Rejects with NetlinkError for any answer but "not supported".
 */
export async function probeFeatures(socket: NftablesSocket): Promise<Features> {
  const name = `nftproxy-probe-${randomBytes(8).toString('hex')}`;
  return {
    owner: await supports(socket, new Transaction(name).addTable({ owner: true }).deleteTable()),
    persist: await supports(socket, new Transaction(name).addTable({ owner: true, persist: true }).deleteTable()),
    destroy: await supports(socket, new Transaction(name).destroyTable()),
  };
}

/**
 * Whether the kernel has flowtables for tables of family inet, and rules that lead connections into them; on an empty
 * table with a random name, as above. Rejects with NetlinkError for any answer but "not supported".
 */
export function probeFlowtables(socket: NftablesSocket): Promise<boolean> {
  const tx = new Transaction(`nftproxy-probe-${randomBytes(8).toString('hex')}`)
    .addTable()
    .addFlowtable({ name: 'probe', devices: [] })
    .addChain({ name: 'probe', base: { type: 'filter', hook: 'forward', priority: 0 } })
    .addRule({ chain: 'probe', statements: [flowAdd('probe')] })
    .deleteTable();
  // ENOENT: a module, of the flowtable or of the expression, that is not there.
  return supports(socket, tx, [...unsupported, 'ENOENT']);
}

/** EINVAL: an unknown message type. EOPNOTSUPP: an unknown table flag; 5.x kernels also say EINVAL to it. */
const unsupported = ['EINVAL', 'EOPNOTSUPP'];

async function supports(
  socket: NftablesSocket,
  transaction: Transaction,
  refusals: readonly string[] = unsupported,
): Promise<boolean> {
  try {
    await socket.commit(transaction);
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && refusals.includes(error.code)) return false;
    throw error;
  }
}
