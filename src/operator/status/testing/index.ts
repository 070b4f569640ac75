export { ModelCluster } from './model-cluster.ts';
export type { Behaviour } from './model-cluster.ts';
export { kstatus, waitReturns } from './kstatus.ts';
export type { KStatus } from './kstatus.ts';
