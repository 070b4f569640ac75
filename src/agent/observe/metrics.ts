import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import type { Family } from '../../services/index.ts';
import type { ConnectionCount, RequestCount } from '../../dataplane/index.ts';
import { renderConnectionCounts } from './connection-counts.ts';
import { renderRequestCounts } from './request-counts.ts';
import { KubeProxyMetrics, type NoLocalEndpointsCount } from './metrics-kubeproxy.ts';
import { OwnMetrics, type OwnMetricsSources } from './metrics-own.ts';

/** What is asked at each scrape. */
export interface MetricsSources extends OwnMetricsSources {
  /** Reads the kernel's counters. May fail: then the scrape goes on without them. */
  readonly connectionCounts: () => Promise<Iterable<ConnectionCount>>;
  /** The same of a proxy's. */
  readonly requestCounts: () => Promise<readonly RequestCount[]>;
  readonly noLocalEndpoints: () => Iterable<NoLocalEndpointsCount>;
  readonly localhostListeners: (family: Family) => number;
}

export interface AgentMetricsOptions {
  readonly version: string;
  readonly families: readonly Family[];
  readonly sources: MetricsSources;
  /** Told when counters could not be read for a scrape: the kernel's of connections, or a proxy's of requests. */
  readonly onCollectFailure: (what: 'connections' | 'requests', error: unknown) => void;
}

/** All metrics of an agent, in a registry of their own. */
export class AgentMetrics {
  readonly kubeProxy: KubeProxyMetrics;
  readonly own: OwnMetrics;
  readonly #register = new Registry();
  readonly #options: AgentMetricsOptions;
  readonly #collectFailures: Counter;
  #counting: Promise<string> | undefined;

  constructor(options: AgentMetricsOptions) {
    const register = this.#register;
    this.#options = options;
    this.kubeProxy = new KubeProxyMetrics({ register, families: options.families, ...options.sources });
    this.own = new OwnMetrics({ register, version: options.version, sources: options.sources });
    this.#collectFailures = new Counter({
      name: 'nftproxy_collect_failures_total',
      help: 'Scrapes that went without counts because the kernel, or a proxy, could not be read',
      registers: [register],
    });
    // The event loop's lag is sampled by a timer: ten times a second tells enough and costs an idle node little.
    collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 100 });
  }

  get contentType(): string {
    return this.#register.contentType;
  }

  /** Everything in Prometheus' text format. */
  async text(): Promise<string> {
    // Scrapes at the same time share one reading of the kernel.
    this.#counting ??= this.#counts().finally(() => (this.#counting = undefined));
    const counts = await this.#counting;
    return (await this.#register.metrics()) + counts;
  }

  async #counts(): Promise<string> {
    const { connectionCounts, requestCounts } = this.#options.sources;
    const connections = await this.#collect('connections', async () =>
      renderConnectionCounts(await connectionCounts()),
    );
    return connections + (await this.#collect('requests', async () => renderRequestCounts(await requestCounts())));
  }

  async #collect(what: 'connections' | 'requests', read: () => Promise<string>): Promise<string> {
    try {
      return await read();
    } catch (error) {
      this.#collectFailures.inc();
      this.#options.onCollectFailure(what, error);
      return '';
    }
  }
}
