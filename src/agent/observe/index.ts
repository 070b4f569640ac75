export { ProxyHealth } from './health.ts';
export { countNoLocalEndpoints } from './metrics-kubeproxy.ts';
export { AgentMetrics } from './metrics.ts';
export { agentServers } from './servers.ts';
export { SyncMetrics } from './sync-metrics.ts';
