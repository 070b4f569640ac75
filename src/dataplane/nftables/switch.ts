import type { ChainInfo, Element } from '../../nftables/index.ts';
import type { Written } from '../data-plane.ts';
import { baseChains } from './base-chains.ts';
import type { RenderedChain } from './base-chains.ts';
import type { Generation } from './generation.ts';
import { turnedTo } from './inventory.ts';
import type { Inventory } from './inventory.ts';
import { requiredDefinition } from './sets.ts';
import type { TableSocket } from './table-socket.ts';

/** The base chains of a generation. */
export function baseChainsOf(generation: Generation): RenderedChain[] {
  return baseChains({ comment: turnedTo(generation.number), kernelName: (chain) => generation.chain(chain) });
}

/**
 * Turns the base chains to a generation, in one transaction: a packet meets the old generation or the new one, whole.
 * Base chains that do not belong here go with it.
 *
 * @param o.removed elements of sets that outlive generations which are nobody's any more
 */
export async function switchTo(
  tables: TableSocket,
  o: { generation: Generation; before: Inventory; removed: readonly Element[] },
): Promise<Written> {
  const { generation, before, removed } = o;
  const wanted = baseChainsOf(generation);
  const tx = tables.transaction();
  const present = new Set<string>();
  for (const chain of before.chains.filter(({ base }) => base)) {
    tx.flushChain(chain.name);
    if (wanted.some(({ chain: want }) => isSame(want, chain))) present.add(chain.name);
    else tx.deleteChain(chain.name);
  }
  for (const { chain } of wanted) if (!present.has(chain.name)) tx.addChain(chain);
  for (const { rules } of wanted) for (const rule of rules) tx.addRule(rule);
  for (const { set, key } of removed) {
    tx.deleteElements({ ...requiredDefinition(set), name: generation.set(set) }, [{ key }]);
  }
  return tables.commit(tx);
}

function isSame({ name, base }: RenderedChain['chain'], present: ChainInfo): boolean {
  const { type, hook, priority } = present.base ?? {};
  return present.name === name && base?.type === type && base?.hook === hook && base?.priority === priority;
}
