import { AgentMetrics } from '../observe/index.ts';

/** What a scrape of an agent shows that has one of everything. */
export function agentMetricsText(): Promise<string> {
  const metrics = new AgentMetrics({
    version: '0.0.0',
    families: [4, 6],
    sources: {
      requestCounts: () =>
        Promise.resolve([
          {
            namespace: 'default',
            service: 'web',
            port: 'http',
            family: 4,
            answers: { '2xx': 1 },
            latency: { bounds: [0.005], counts: [1, 0], sumSeconds: 0.001 },
          },
        ]),
      connectionCounts: () =>
        Promise.resolve([
          {
            ...{ namespace: 'default', service: 'web', port: 'http', protocol: 'tcp', family: 4 },
            ...{ frontend: 'ClusterIP', connections: 1 },
          },
        ]),
      noLocalEndpoints: () => [],
      localhostListeners: () => 1,
      mode: () => 'nftables',
      mapElements: () => [['services4', 1]],
      quarantinedServicePorts: () => 1,
      fastPathInterfaces: () => 7,
      servedBy: () => ({ nftables: 1, ipvs: 1 }),
      fallenBack: () => ['node'],
      settingsRefused: () => true,
      uncovered: () => true,
      lastGoodKept: () => false,
      connections: () => ({ entries: 1, limit: 2, dropped: 1, evicted: 1 }),
      watches: () => [
        {
          resource: 'services',
          lists: 2,
          watches: 1,
          events: 1,
          errors: 1,
          cacheMisses: 1,
          lastEventAgeSeconds: 1,
          failing: false,
        },
      ],
    },
    onCollectFailure: (_, error) => {
      throw error;
    },
  });
  metrics.own.committed('failure', 1);
  metrics.own.applied(1);
  return metrics.text();
}
