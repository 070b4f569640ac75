export type { ConnectionCount } from './connection-counts.ts';
export { ProxyHealth } from './health.ts';
export type { NodeForHealth } from './health.ts';
export { countNoLocalEndpoints } from './metrics-kubeproxy.ts';
export type { WatchStatistics } from './metrics-own.ts';
export { AgentMetrics } from './metrics.ts';
export { agentListeners } from './servers.ts';
