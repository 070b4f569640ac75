export { compareVersions, ConsistencyCheck } from './consistency-check.ts';
export { Reflector } from './reflector.ts';
export type { ReflectorHandler, ReflectorOptions, ReflectorStatistics } from './reflector.ts';
