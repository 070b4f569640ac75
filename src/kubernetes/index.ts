export {
  ApiClient,
  ApiError,
  ConnectionError,
  isConflict,
  isGone,
  isNotFound,
  objectKey,
  resourcePath,
} from './client/index.ts';
export type {
  ApplyOptions,
  DeleteOptions,
  KubernetesObject,
  ObjectList,
  ObjectMeta,
  OwnerReference,
  Query,
  RequestOptions,
  ResourceLocation,
  Status,
  WatchEvent,
} from './client/index.ts';
export { microTime, sleep, systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { loadConnection } from './connection/index.ts';
export type { Connection, TlsMaterial } from './connection/index.ts';
export { EventRecorder } from './events/index.ts';
export type { EventRecorderOptions, EventRegarding } from './events/index.ts';
export { selects } from './label-selector.ts';
export { LeaderElector } from './leader-election/index.ts';
export type { LeaderElectorOptions, Lease, LeaseSpec } from './leader-election/index.ts';
export { Reflector } from './reflector/index.ts';
export type { ReflectorHandler, ReflectorOptions, ReflectorStatistics } from './reflector/index.ts';
export { WorkQueue } from './work-queue.ts';
export type { Again } from './work-queue.ts';
