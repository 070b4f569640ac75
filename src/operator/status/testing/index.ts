export { ModelCluster } from './model-cluster.ts';
export type { Behaviour } from './model-cluster.ts';
