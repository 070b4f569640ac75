/* What tests with a kernel look at closely: tables of legacy iptables, as they are read, rebuilt and written. */
export { LegacyTables } from '../kernel.ts';
export { removeFromLegacy } from '../removal.ts';
export { entriesOf, without } from '../table.ts';
