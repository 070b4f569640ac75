export { startCluster } from './cluster.ts';
export type { Cluster } from './cluster.ts';
export { buildImage } from './image/index.ts';
export { startKubeApiServer } from './kube-apiserver.ts';
export { isReady } from './runtime/objects.ts';
export type { Pod } from './runtime/objects.ts';
