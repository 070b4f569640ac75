import { describeError, HttpListener, parseBindAddress } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { ProxyHealth } from './health.ts';
import { healthHandler } from './health-server.ts';
import type { KernelTable } from '../../dataplane/index.ts';
import type { AgentMetrics } from './metrics.ts';
import { metricsHandler } from './metrics-server.ts';
import type { Sync } from '../sync/index.ts';

/** The agent's HTTP servers: health for load balancers and the kubelet, metrics and what the agent knows. */
export function agentListeners(options: {
  healthAddress: string;
  metricsAddress: string;
  health: ProxyHealth;
  metrics: AgentMetrics;
  sync: Sync;
  kernel: KernelTable;
  log: Logger;
  clock: Clock;
}): HttpListener[] {
  const { healthAddress, metricsAddress, health, metrics, sync, kernel, log, clock } = options;
  const onBindFailure = (error: Error): void => log.error(error.message);
  const handlers = {
    health: healthHandler({ health, clock, counters: metrics.kubeProxy }),
    metrics: metricsHandler({
      metrics,
      effectiveConfig: () => sync.config,
      servicePorts: () => [...kernel.state.ports()].map(({ port }) => port),
      onError: (error) => log.error('cannot answer a request for metrics', { reason: describeError(error) }),
    }),
  };
  return (['health', 'metrics'] as const).map((purpose) => {
    const bind = parseBindAddress(purpose === 'health' ? healthAddress : metricsAddress);
    return new HttpListener({ purpose, bind, handler: handlers[purpose], onBindFailure, clock });
  });
}
