import { Counter, exponentialBuckets, Gauge, Histogram, type Registry } from 'prom-client';
import type { ConntrackOccupancy } from '../../conntrack/index.ts';
import type { WatchStatistics } from '../sources/index.ts';
import { registerTableMetrics } from './metrics-conntrack.ts';

/** Asked at each scrape; each must be cheap and must not fail. */
export interface OwnMetricsSources {
  /** The mode of the data plane that runs; undefined before the first sync. */
  readonly mode: () => string | undefined;
  /** Elements by name of set or map. */
  readonly mapElements: () => Iterable<readonly [set: string, elements: number]>;
  readonly quarantinedServicePorts: () => number;
  /** Interfaces whose packets may take the fast path; 0 where it is not in force. */
  readonly fastPathInterfaces: () => number;
  /** Service ports by who chooses endpoints for them. */
  readonly servedBy: () => Readonly<Record<string, number>>;
  /** For each Service port that an engine is to serve and slots do: who asks for what is missing. */
  readonly fallenBack: () => Iterable<'node' | 'service'>;
  /** Whether the kernel refuses settings of this node. */
  readonly settingsRefused: () => boolean;
  /** Whether no ProxyConfig governs this node. */
  readonly uncovered: () => boolean;
  /** Whether the last good configuration is on the node's disk, as far as there is one. */
  readonly lastGoodKept: () => boolean;
  readonly watches: () => Iterable<WatchStatistics>;
  /** Of this node's connections; undefined while it is not known. */
  readonly connections: () => ConntrackOccupancy | undefined;
}

const latencyBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.5, 1, 2, 5, 10, 30];

/** The metrics that only nftproxy has; all begin with `nftproxy_`. */
export class OwnMetrics {
  readonly #register: Registry;
  readonly #commits: Counter<'result'>;
  readonly #commitDuration: Histogram;
  readonly #applyLatency: Histogram;
  readonly #localhostConnections: Counter<'result'>;

  constructor(options: { register: Registry; version: string; sources: OwnMetricsSources }) {
    const registers = [options.register];
    this.#register = options.register;
    this.#commits = new Counter({
      name: 'nftproxy_commits_total',
      help: 'Transactions sent to the kernel',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['success', 'failure']) this.#commits.inc({ result }, 0);
    this.#commitDuration = new Histogram({
      name: 'nftproxy_commit_duration_seconds',
      help: 'From sending a transaction to its acknowledgement',
      buckets: exponentialBuckets(0.0001, 2, 16),
      registers,
    });
    this.#applyLatency = new Histogram({
      name: 'nftproxy_apply_latency_seconds',
      help: 'From the arrival of a watch event at the agent to its commit in the kernel',
      buckets: latencyBuckets,
      registers,
    });
    this.#localhostConnections = new Counter({
      name: 'nftproxy_localhost_node_port_connections_total',
      help: 'Connections to node ports on the loopback addresses',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['forwarded', 'refused']) this.#localhostConnections.inc({ result }, 0);
    new Gauge({
      name: 'nftproxy_build_info',
      help: 'Version of the agent and of its runtime',
      labelNames: ['version', 'node_version'],
      registers,
    }).set({ version: options.version, node_version: process.version }, 1);
    this.#collectKernel(options.sources);
    this.#collectEngines(options.sources);
    this.#collectSettings(options.sources);
    this.#collectWatches(options.sources.watches);
    registerTableMetrics(options.register, options.sources.connections);
  }

  /** A transaction was acknowledged or refused after so many seconds. */
  committed(result: 'success' | 'failure', seconds: number): void {
    this.#commits.inc({ result });
    this.#commitDuration.observe(seconds);
  }

  /** A watch event took so many seconds from its arrival to its commit. */
  applied(seconds: number): void {
    this.#applyLatency.observe(seconds);
  }

  localhostConnection(result: 'forwarded' | 'refused'): void {
    this.#localhostConnections.inc({ result });
  }

  #collectKernel(sources: OwnMetricsSources): void {
    new Gauge({
      name: 'nftproxy_proxy_mode',
      help: 'The data plane that runs: 1 for its mode; none before the first sync',
      labelNames: ['mode'],
      registers: [this.#register],
      collect() {
        this.reset();
        const mode = sources.mode();
        if (mode !== undefined) this.set({ mode }, 1);
      },
    });
    new Gauge({
      name: 'nftproxy_map_elements',
      help: 'Elements by set or map of the table',
      labelNames: ['set'],
      registers: [this.#register],
      collect() {
        this.reset();
        for (const [set, elements] of sources.mapElements()) this.set({ set }, elements);
      },
    });
    new Gauge({
      name: 'nftproxy_quarantined_service_ports',
      help: 'Service ports set aside because the kernel refused them',
      registers: [this.#register],
      collect() {
        this.set(sources.quarantinedServicePorts());
      },
    });
    new Gauge({
      name: 'nftproxy_fast_path_interfaces',
      help: 'Interfaces whose packets of established connections may take the fast path; 0 where it is not in force',
      registers: [this.#register],
      collect() {
        this.set(sources.fastPathInterfaces());
      },
    });
  }

  #collectEngines({ servedBy, fallenBack }: OwnMetricsSources): void {
    new Gauge({
      name: 'nftproxy_service_ports',
      help: 'Service ports in the kernel by who chooses endpoints: nftables (slots), ipvs, userspace or iptables (rules)',
      labelNames: ['engine'],
      registers: [this.#register],
      collect() {
        for (const [engine, count] of Object.entries(servedBy())) this.set({ engine }, count);
      },
    });
    new Gauge({
      name: 'nftproxy_fallen_back_service_ports',
      help: 'Service ports that slots serve because the node lacks what is asked for, by who asks: node (its mode) or service',
      labelNames: ['asked_by'],
      registers: [this.#register],
      collect() {
        const counts = { node: 0, service: 0 };
        for (const each of fallenBack()) counts[each]++;
        for (const [asked_by, count] of Object.entries(counts)) this.set({ asked_by }, count);
      },
    });
  }

  #collectSettings({ settingsRefused, uncovered, lastGoodKept }: OwnMetricsSources): void {
    this.#flag(
      'node_settings_refused',
      '1 while the kernel refuses settings of this node and the last good ones are in force',
      settingsRefused,
    );
    this.#flag(
      'node_uncovered',
      '1 while no ProxyConfig governs this node and the last good settings are in force',
      uncovered,
    );
    this.#flag(
      'last_good_configuration_kept',
      '0 while the last good configuration cannot be written to the disk of this node',
      lastGoodKept,
    );
  }

  #flag(name: string, help: string, value: () => boolean): void {
    new Gauge({
      ...{ name: `nftproxy_${name}`, help, registers: [this.#register] },
      collect() {
        this.set(value() ? 1 : 0);
      },
    });
  }

  #collectWatches(watches: () => Iterable<WatchStatistics>): void {
    this.#watchCounter('watch_relists_total', 'Lists after the first one', watches, (w) => Math.max(0, w.lists - 1));
    this.#watchCounter('watch_connections_total', 'Watch requests', watches, (w) => w.watches);
    this.#watchCounter('watch_events_total', 'Events received', watches, (w) => w.events);
    this.#watchCounter('watch_errors_total', 'Lists and watches that failed', watches, (w) => w.errors);
    this.#watchCounter('watch_cache_misses_total', 'Changes the watch had missed', watches, (w) => w.cacheMisses);
    new Gauge({
      name: 'nftproxy_watch_last_event_age_seconds',
      help: 'Time since the last event or bookmark',
      labelNames: ['resource'],
      registers: [this.#register],
      collect() {
        this.reset();
        for (const { resource, lastEventAgeSeconds } of watches()) {
          if (lastEventAgeSeconds !== undefined) this.set({ resource }, lastEventAgeSeconds);
        }
      },
    });
  }

  #watchCounter(
    name: string,
    help: string,
    watches: () => Iterable<WatchStatistics>,
    value: (statistics: WatchStatistics) => number,
  ): void {
    new Counter({
      name: `nftproxy_${name}`,
      help,
      labelNames: ['resource'],
      registers: [this.#register],
      collect() {
        this.reset();
        for (const statistics of watches()) this.inc({ resource: statistics.resource }, value(statistics));
      },
    });
  }
}
