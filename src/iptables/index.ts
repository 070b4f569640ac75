export { MissingProgramError, RestoreError } from './errors.ts';
export { savedTables } from './saved.ts';
export type { SavedChain, SavedRule, SavedTables } from './saved.ts';
export { Iptables, variants } from './iptables.ts';
export type { Rules, Variant } from './iptables.ts';
export { hostVariant } from './host-variant.ts';
