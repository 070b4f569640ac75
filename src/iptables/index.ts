export { RestoreError } from './errors.ts';
export { savedTables } from './saved.ts';
export type { SavedChain, SavedRule, SavedTables } from './saved.ts';
export { Iptables, variants } from './iptables.ts';
export type { Rules, Variant } from './iptables.ts';
export { hostVariant } from './host-variant.ts';
export { builtInChains, entriesOf, legacyTablesInUse, LegacyTables, without } from './legacy/index.ts';
export type { Rebuilt, TableBlob, TableEntry } from './legacy/index.ts';
