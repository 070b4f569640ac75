import { AccessReview, guarded } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import { HttpListener, parseBindAddress } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { ProxyHealth } from './health.ts';
import { healthHandler } from './health-server.ts';
import { Readiness } from './readiness.ts';
import type { RunningDataPlane } from '../../dataplane/index.ts';
import type { AgentMetrics } from './metrics.ts';
import { metricsHandler } from './metrics-server.ts';
import type { WatchStatistics } from '../sources/index.ts';
import { settingsFault } from '../status/index.ts';
import type { AgentOptions } from '../options.ts';
import type { DesiredState, Sync } from '../sync/index.ts';

/** The agent's HTTP servers: health for load balancers and the kubelet, metrics and what the agent knows. */
export function agentServers(options: {
  served: Pick<AgentOptions, 'healthAddress' | 'metricsAddress' | 'metricsCertificate'>;
  /** Asks who may see metrics where there is a certificate. */
  client: ApiClient;
  health: ProxyHealth;
  metrics: AgentMetrics;
  state: DesiredState;
  sync: Sync;
  dataPlane: RunningDataPlane;
  watches: () => Iterable<WatchStatistics>;
  log: Logger;
  clock: Clock;
  /** Told when an address cannot be served, and when it can again. */
  changed?: () => void;
  /** Why it is not ready; left out: what {@link Readiness} finds. */
  readiness?: Pick<Readiness, 'faults'>;
}): HttpListener[] {
  const { health, metrics, state, sync, dataPlane, client, log, clock } = options;
  const { healthAddress, metricsAddress, metricsCertificate } = options.served;
  const { changed = () => undefined } = options;
  const onBindFailure = (error: Error): void => {
    log.error(error.message);
    changed();
  };
  const ownReadiness = new Readiness({
    appliedRevision: () => sync.appliedRevision,
    settingsFault: () => settingsFault(sync),
    keepsUp: () => health.healthy,
    watches: options.watches,
  });
  const healthz = healthHandler({
    ...{ health, clock, counters: metrics.kubeProxy },
    readiness: options.readiness ?? ownReadiness,
  });
  const observed = metricsHandler({
    metrics,
    mode: () => dataPlane.mode,
    effectiveConfig: () => state.config,
    servicePorts: () => [...(dataPlane.current?.served.values() ?? [])].map(({ port }) => port),
    onError: (error) => log.error('cannot answer a request for metrics', { error }),
  });
  const common = { onBindFailure, onListening: changed, clock };
  return [
    new HttpListener({ purpose: 'health', bind: parseBindAddress(healthAddress), handler: healthz, ...common }),
    new HttpListener({
      ...{ purpose: 'metrics', bind: parseBindAddress(metricsAddress), certificate: metricsCertificate, ...common },
      handler: metricsCertificate
        ? guarded(observed, new AccessReview({ client, clock, log }), ['/healthz'])
        : observed,
    }),
  ];
}
