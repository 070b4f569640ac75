/* What tests with a kernel look at closely: tables of legacy iptables, as they are read, rebuilt and written. */
export { entriesOf, LegacyTables, without } from '../../../iptables/index.ts';
export { removeFromLegacy } from '../removal.ts';
