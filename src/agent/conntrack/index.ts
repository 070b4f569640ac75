export { ConntrackCleaner } from './cleaner.ts';
export type { CleanUp } from './cleaner.ts';
export type { ConntrackSection } from './stale-connection-tracker.ts';
export { applyConntrackSysctls, sysctlFiles } from './sysctls.ts';
export type { TrackedConnection, TrackedServicePort } from './what-is-stale.ts';
