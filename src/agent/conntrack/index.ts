export { ConntrackCleaner } from './cleaner.ts';
export type { CleanUp } from './cleaner.ts';
export { ConntrackCleaning, conntrackTable, trackedPort } from './conntrack-cleaning.ts';
export type { Tracked } from './conntrack-cleaning.ts';
export { NodeSysctls } from './node-sysctls.ts';
export { maxEntries } from './sysctls.ts';
export { TableWatch } from './table-watch.ts';
export type { TrackedServicePort } from './what-is-stale.ts';
