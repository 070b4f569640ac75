export { agentName } from './agent-daemon-set.ts';
export type { AgentCounts, AgentDaemonSet } from './agent-daemon-set.ts';
export { ClusterCache } from './cluster-cache.ts';
export type { ClusterListener } from './cluster-cache.ts';
export { ClusterModule } from './cluster.module.ts';
export type { ClusterNode } from './cluster-node.ts';
export type { CheckedConfig } from './checked-config.ts';
export { isTold } from './node-state-reading.ts';
