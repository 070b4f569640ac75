import type { Element } from '../../nftables/index.ts';
import { addWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { inParts, writeElements } from './batches.ts';
import { ElementMap } from './element-map.ts';
import type { Generation } from './generation.ts';
import type { InForce } from './in-force.ts';
import { outlivesGenerations, requiredDefinition } from './sets.ts';
import type { Target } from './target.ts';

/** Writes all of a generation; no packet is led there yet. */
export async function writeBeside(
  { generation, rooms, sizes }: InForce,
  target: Target,
): Promise<{ written: Written; removed: readonly Element[] }> {
  const constant = generation.layout.plan({ sets: target.sets, chains: target.chains });
  const tx = generation.transaction();
  constant.add(tx);
  let written = await generation.commit(tx);
  constant.accept();
  written = addWritten(written, await rooms.build(target.plan.rooms));
  const { missing, removed } = await compareOutliving(generation, target);
  for (const adds of inParts(missing)) {
    const part = generation.transaction();
    writeElements(part, { deletes: [], adds });
    written = addWritten(written, await generation.commit(part));
  }
  sizes.addEach(target.elements, 1);
  return { written, removed };
}

/** Sets that outlive generations hold some of the elements already, and others that are nobody's any more. */
async function compareOutliving(
  generation: Generation,
  target: Target,
): Promise<{ missing: Element[]; removed: Element[] }> {
  const outliving = new Set(target.sets.filter(outlivesGenerations).map(({ name }) => name));
  const present = new ElementMap<Element>();
  for (const set of outliving) {
    for (const element of await generation.elements(requiredDefinition(set))) present.set(element, element);
  }
  if (present.isEmpty) return { missing: [...target.elements], removed: [] };
  const missing: Element[] = [];
  for (const element of target.elements) {
    if (outliving.has(element.set) && present.has(element)) present.delete(element);
    else missing.push(element);
  }
  return { missing, removed: [...present.values()] };
}
