import type { Element, NftablesSocket, SetDefinition } from '../../nftables/index.ts';
import { parseKernelName, verdictWithoutGeneration } from './generation.ts';
import { takeInventory } from './inventory.ts';
import { requiredDefinition } from './sets.ts';

/** A look at the table's elements, by our names of sets and chains: the kernel's own, or a copy in a test. */
export interface TableView {
  get(set: string, key: string): Promise<Element | undefined>;
  /** All keys of an interval set. */
  ranges(set: string): Promise<readonly string[]>;
}

/** The kernel's own elements, of the generation that is in force when this is called. */
export async function kernelView(
  socket: NftablesSocket,
  table: string,
): Promise<TableView & { elements(set: string): Promise<readonly Element[]> }> {
  const { sets, inForce } = await takeInventory({ socket, table });
  const names = new Map<string, string>();
  for (const { name: kernelName } of sets) {
    const { name, generation } = parseKernelName(kernelName) ?? { name: kernelName };
    // Of several that outlive generations only one is there, but for moments.
    if (!names.has(name) || generation === inForce) names.set(name, kernelName);
  }
  const define = (set: string): SetDefinition => ({ ...requiredDefinition(set), name: names.get(set) ?? set });
  const translate = (set: string, element: Element): Element => ({
    ...element,
    set,
    ...(requiredDefinition(set).data === 'verdict' ? { data: verdictWithoutGeneration(element.data ?? '') } : {}),
  });
  const elements = async (set: string): Promise<Element[]> =>
    names.has(set) ? (await socket.elements(table, define(set))).map((element) => translate(set, element)) : [];
  return {
    get: async (set, key) => {
      if (!names.has(set)) return undefined;
      const [element] = await socket.elementsByKey(table, define(set), [{ key }]);
      return element && translate(set, element);
    },
    ranges: async (set) => (await elements(set)).map(({ key }) => key),
    elements,
  };
}
