import { Transaction } from '../../nftables/index.ts';
import type { Written } from '../data-plane.ts';
import { baseChains, isCalledAlike, isFormer } from './base-chains.ts';
import { writeElements } from './batches.ts';
import type { RenderedChain } from './base-chains.ts';
import { fastPathChain, mayTakeFastPath } from './fast-path-rules.ts';
import type { Generation } from './generation.ts';
import { turnedTo } from './inventory.ts';
import type { Inventory } from './inventory.ts';
import type { TableSocket } from './table-socket.ts';
import type { Shared } from './write-beside.ts';

/** The base chains of a generation. */
export function baseChainsOf(generation: Generation): RenderedChain[] {
  return baseChains({
    comment: turnedTo(generation.number),
    kernelName: (chain) => generation.chain(chain),
    ...(generation.layout.hasChain(fastPathChain) && { fastPath: mayTakeFastPath }),
  });
}

/**
 * Turns the base chains to a generation, in one transaction: a packet meets the old generation or the new one, whole.
 * Base chains that do not belong here go with it, but for those of an earlier version: see `isFormer`. In the same
 * transaction the sets that both share change: no generation meets frontends that it does not know.
 */
export async function switchTo(
  tables: TableSocket,
  o: { generation: Generation; before: Inventory; shared: Shared },
): Promise<Written> {
  const { generation, before, shared } = o;
  const wanted = baseChainsOf(generation);
  // Base chains are named as in the kernel.
  const tx = new Transaction(tables.table, { set: (name) => generation.set(name), chain: (name) => name });
  const present = new Set<string>();
  for (const chain of before.chains.filter((each) => each.base && !isFormer(each))) {
    tx.flushChain(chain.name);
    if (wanted.some(({ chain: want }) => isCalledAlike(want, chain))) present.add(chain.name);
    else tx.deleteChain(chain.name);
  }
  for (const { chain } of wanted) if (!present.has(chain.name)) tx.addChain(chain);
  for (const { rules } of wanted) for (const rule of rules) tx.addRule(rule);
  writeElements(tx, { deletes: shared.removed, adds: shared.added });
  return tables.commit(tx);
}
