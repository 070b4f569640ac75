export type { ReflectorHandler, ReflectorOptions, ReflectorStatistics } from './options.ts';
export { Reflector } from './reflector.ts';
