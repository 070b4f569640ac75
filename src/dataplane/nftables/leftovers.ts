import type { Transaction } from '../../nftables/index.ts';
import { isFormer } from './base-chains.ts';
import { fastPathChain, flowtableName } from './fast-path-rules.ts';
import type { Generation } from './generation.ts';
import { parseKernelName } from './generation.ts';
import { takeInventory } from './inventory.ts';
import type { Inventory } from './inventory.ts';
import { isNameOfOutliving } from './sets.ts';
import type { TableSocket } from './table-socket.ts';

/** Messages per transaction. */
const perTransaction = 500;

/**
 * Removes what a start that was killed, or failed, has left unfinished: generations that are not in force. Where it
 * cannot be told which one is, nothing.
 */
export async function removeUnfinished(tables: TableSocket, inventory: Inventory): Promise<void> {
  const { inForce, sets, chains } = inventory;
  if (inForce === undefined) return;
  const unused = ({ name }: { name: string }): boolean => {
    const { generation } = parseKernelName(name) ?? {};
    return generation !== undefined && generation !== inForce;
  };
  // Which of those are in use cannot be seen from their numbers.
  const outlives = (name: string): boolean => isNameOfOutliving(parseKernelName(name)?.name ?? '');
  await remove(tables, {
    chains: chains.filter((chain) => !chain.base && unused(chain)).map(({ name }) => name),
    sets: sets.filter((set) => unused(set) && !outlives(set.name)).map(({ name }) => name),
  });
}

/**
 * Removes everything but `generation`, which is in force: whoever made it, and whatever it is. Connections in a flowtable
 * that goes go on through all chains.
 */
export async function removeOthers(tables: TableSocket, generation: Generation): Promise<void> {
  const { sets, chains } = await takeInventory(tables);
  const former = chains.filter(isFormer);
  const tx = former.reduce((all, { name }) => all.flushChain(name).deleteChain(name), tables.transaction());
  if (former.length > 0) await tables.commit(tx);
  await remove(tables, {
    chains: chains
      .filter(({ name, base }) => !base && parseKernelName(name)?.generation !== generation.number)
      .map(({ name }) => name),
    sets: sets.filter(({ name }) => !generation.hasSet(name)).map(({ name }) => name),
  });
  const kept = generation.layout.hasChain(fastPathChain) ? [flowtableName] : [];
  const flowtables = (await tables.socket.flowtables(tables.table)).filter(({ name }) => !kept.includes(name));
  await forEach(
    tables,
    flowtables.map(({ name }) => name),
    (tx, name) => tx.deleteFlowtable(name),
  );
}

/** In steps that are each safe to be killed after: rules look into sets and lead to chains, elements lead to chains. */
async function remove(
  tables: TableSocket,
  { chains, sets }: { chains: readonly string[]; sets: readonly string[] },
): Promise<void> {
  await forEach(tables, chains, (tx, name) => tx.flushChain(name));
  await forEach(tables, sets, (tx, name) => tx.deleteSet(name));
  await forEach(tables, chains, (tx, name) => tx.deleteChain(name));
}

async function forEach(
  tables: TableSocket,
  names: readonly string[],
  add: (tx: Transaction, name: string) => Transaction,
): Promise<void> {
  for (let start = 0; start < names.length; start += perTransaction) {
    await tables.commit(names.slice(start, start + perTransaction).reduce(add, tables.transaction()));
  }
}
