import type { Element, NftablesSocket, SetDefinition } from '../../nftables/index.ts';
import { definitionOf } from './sets.ts';

/** A look at the table's elements: the kernel's own, or a copy in a test. */
export interface TableView {
  get(set: string, key: string): Promise<Element | undefined>;
  /** All keys of an interval set. */
  ranges(set: string): Promise<readonly string[]>;
}

/** The kernel's own elements; interval sets are read whole, they are small. */
export function kernelView(socket: NftablesSocket, table: string): TableView {
  const define = (set: string): SetDefinition => {
    const definition = definitionOf(set);
    if (!definition) throw new Error(`the data plane has no set ${set}`);
    return definition;
  };
  return {
    get: async (set, key) => (await socket.elementsByKey(table, define(set), [{ key }]))[0],
    ranges: async (set) => (await socket.elements(table, define(set))).map(({ key }) => key),
  };
}
