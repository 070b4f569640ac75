export { AccessReview, guarded } from './access/index.ts';
export { ApiClient, ApiError, ConnectionError, isConflict, isGone, isNotFound, resourcePath } from './client/index.ts';
export type {
  ApiClientOptions,
  ApplyOptions,
  DeleteOptions,
  KubernetesObject,
  ObjectMeta,
  OwnerReference,
  RequestOptions,
  WatchEvent,
} from './client/index.ts';
export { loadConnection } from './connection/index.ts';
export type { Connection } from './connection/index.ts';
export { EventRecorder } from './events/index.ts';
export type { EventRecorderOptions, EventRegarding } from './events/index.ts';
export { execInPod } from './exec/index.ts';
export type { PodCommand } from './exec/index.ts';
export { formatSelector, parseSelector } from './parse-selector.ts';
export { selects } from './label-selector.ts';
export { LeaderElector } from './leader-election/index.ts';
export type { LeaderElectorOptions, Lease } from './leader-election/index.ts';
export { microTime } from './micro-time.ts';
export { Reflector } from './reflector/index.ts';
export type { ReflectorHandler, ReflectorOptions, ReflectorStatistics } from './reflector/index.ts';
export { apiServersIn, parseServerUrl, parseServerUrls } from './servers/index.ts';
export type { ApiServers, ApiServerSlice, ServerLists } from './servers/index.ts';
export { WorkQueue } from './work-queue.ts';
export type { Again, WorkOutcome, WorkQueueOptions } from './work-queue.ts';
