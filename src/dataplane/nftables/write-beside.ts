import type { Element } from '../../nftables/index.ts';
import { addWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { addInParts } from './batches.ts';
import { ElementMap } from './element-map.ts';
import { flowtableName } from './fast-path-rules.ts';
import type { Generation } from './generation.ts';
import type { InForce } from './in-force.ts';
import { requiredDefinition } from './sets.ts';
import type { Target } from './target.ts';

/** What sets that are shared with the generation in force are to get and to lose when base chains are turned. */
export interface Shared {
  readonly added: readonly Element[];
  /** Nobody's any more: frontends that have gone. */
  readonly removed: readonly Element[];
}

/** Writes all of a generation but for what it shares with the one in force; no packet is led there yet. */
export async function writeBeside(
  { generation, rooms, sizes }: InForce,
  target: Target,
): Promise<{ written: Written; shared: Shared }> {
  const constant = generation.layout.plan({ sets: target.sets, chains: target.chains });
  const tx = generation.transaction();
  // One that is there stays as it is, with its connections.
  if (target.fastPath) tx.addFlowtable({ name: flowtableName, devices: [] });
  constant.add(tx);
  const first = await generation.commit(tx);
  constant.accept();
  const built = await rooms.build(target.plan.rooms);
  const own = target.elements.filter(({ set }) => !generation.shares(set));
  const written = [first, built, await addInParts(generation, own)].reduce(addWritten);
  sizes.addEach(target.elements, 1);
  return { written, shared: await compareShared(generation, target) };
}

/** A frontend that is in the counting set, and that the generation in force does not know, would be dropped there. */
async function compareShared(generation: Generation, target: Target): Promise<Shared> {
  const present = new ElementMap<Element>();
  for (const { name, dynamic } of target.sets) {
    if (!generation.shares(name) || dynamic === true) continue;
    for (const element of await generation.elements(requiredDefinition(name))) present.set(element, element);
  }
  const added: Element[] = [];
  for (const element of target.elements) {
    if (!generation.shares(element.set)) continue;
    if (present.has(element)) present.delete(element);
    else added.push(element);
  }
  return { added, removed: [...present.values()] };
}
