export { ModelCluster } from './model-cluster.ts';
export type { Behaviour } from './model-cluster.ts';
export { kstatus, waitReturns } from './kstatus.ts';
export type { KStatus } from './kstatus.ts';
export { governedBy, isClean, stoppedPhase, works } from './bounds.ts';
export { nodeNames, spec, specOf, story } from './stories.ts';
export type { Event } from './stories.ts';
export { WatchedCluster } from './watched-cluster.ts';
