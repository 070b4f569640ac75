import type { Element, NftablesSocket, SetDefinition, SetInfo } from '../../nftables/index.ts';
import { inOurNames, lastGeneration, parseKernelName } from './generation.ts';
import { takeInventory } from './inventory.ts';
import { isNameOfOutliving, requiredDefinition } from './sets.ts';

/** A look at the table's elements, by our names of sets and chains: the kernel's own, or a copy in a test. */
export interface TableView {
  get(set: string, key: string): Promise<Element | undefined>;
  /** All keys of an interval set. */
  ranges(set: string): Promise<readonly string[]>;
}

/** Whether there is a table of ours, or of somebody's with its name. */
export async function tableExists(socket: NftablesSocket, table: string): Promise<boolean> {
  return (await socket.tables()).some(({ family, name }) => family === 'inet' && name === table);
}

/** The kernel's own elements, of the generation that is in force when this is called. */
export async function kernelView(
  socket: NftablesSocket,
  table: string,
): Promise<TableView & { readonly sets: Iterable<string>; elements(set: string): Promise<readonly Element[]> }> {
  const { sets, inForce } = await takeInventory({ socket, table });
  const names = namesInForce(sets, inForce);
  const define = (set: string): SetDefinition => ({ ...requiredDefinition(set), name: names.get(set) ?? set });
  const translate = (set: string, element: Element): Element => inOurNames(requiredDefinition(set), element);
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
    sets: names.keys(),
  };
}

/**
 * The kernel's names of the sets that rules in force look into, by ours; those that outlive generations may have the
 * number of an earlier one, and once numbers have begun anew a larger one. Where base chains lead to no generation, those
 * without a number: of a layout that knew none.
 */
function namesInForce(sets: readonly SetInfo[], inForce = 0): Map<string, string> {
  const newest = new Map<string, { kernelName: string; age: number }>();
  for (const { name: kernelName } of sets) {
    const { name, generation } = parseKernelName(kernelName) ?? { name: kernelName, generation: 0 };
    if (generation !== inForce && (inForce === 0 || !isNameOfOutliving(name))) continue;
    const age = ageOf(generation, inForce);
    if ((newest.get(name)?.age ?? Infinity) > age) newest.set(name, { kernelName, age });
  }
  return new Map([...newest].map(([name, { kernelName }]) => [name, kernelName]));
}

/** How many generations ago it was. */
function ageOf(generation: number, inForce: number): number {
  return inForce - generation + (generation > inForce ? lastGeneration : 0);
}
