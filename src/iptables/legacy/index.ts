export { removeLegacyChains } from './chains-of.ts';
export { legacyTablesInUse } from './in-use.ts';
export { LegacyTables } from './kernel.ts';
export { builtInChains, entriesOf, MalformedTableError, without } from './table.ts';
export type { Rebuilt, TableBlob, TableEntry } from './table.ts';
