export { ClusterCache } from './cluster-cache.ts';
export type { CachedNodeState } from './cluster-cache.ts';
export { nodeInfoOf, sameNode } from './node-info.ts';
export type { NodeInfo } from './node-info.ts';
