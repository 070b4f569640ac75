import type { Generation } from './generation.ts';
import { parseKernelName } from './generation.ts';
import { takeInventory } from './inventory.ts';
import type { Inventory } from './inventory.ts';
import { definitionOf, outlivesGenerations } from './sets.ts';
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
  const outlives = (name: string): boolean => {
    const definition = definitionOf(parseKernelName(name)?.name ?? '');
    return definition !== undefined && outlivesGenerations(definition);
  };
  await remove(tables, {
    chains: chains.filter((chain) => !chain.base && unused(chain)).map(({ name }) => name),
    sets: sets.filter((set) => unused(set) && !outlives(set.name)).map(({ name }) => name),
  });
}

/** Removes everything but `generation`, which is in force: whoever made it, and whatever it is. */
export async function removeOthers(tables: TableSocket, generation: Generation): Promise<void> {
  const { sets, chains } = await takeInventory(tables);
  await remove(tables, {
    chains: chains
      .filter(({ name, base }) => !base && parseKernelName(name)?.generation !== generation.number)
      .map(({ name }) => name),
    sets: sets.filter(({ name }) => !generation.hasSet(name)).map(({ name }) => name),
  });
}

/** In steps that are each safe to be killed after: rules look into sets and lead to chains, elements lead to chains. */
async function remove(
  tables: TableSocket,
  { chains, sets }: { chains: readonly string[]; sets: readonly string[] },
): Promise<void> {
  for (const names of inParts(chains))
    await tables.commit(names.reduce((tx, name) => tx.flushChain(name), tables.transaction()));
  for (const names of inParts(sets))
    await tables.commit(names.reduce((tx, name) => tx.deleteSet(name), tables.transaction()));
  for (const names of inParts(chains))
    await tables.commit(names.reduce((tx, name) => tx.deleteChain(name), tables.transaction()));
}

function inParts(names: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(names.length / perTransaction) }, (_, part) =>
    names.slice(part * perTransaction, (part + 1) * perTransaction),
  );
}
