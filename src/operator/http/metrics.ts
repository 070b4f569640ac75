import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { NodeCounts } from '../../api/index.ts';
import type { ReflectorStatistics } from '../../kubernetes/index.ts';

const prefix = 'nftproxy_operator_';
const queues = ['nodes', 'configs', 'agents'];

/** What is read at the time of a scrape. */
export interface MetricSources {
  readonly isLeader: () => boolean;
  readonly queueLengths: () => Readonly<Record<string, number>>;
  readonly watches: () => ReadonlyMap<string, ReflectorStatistics>;
}

/** The operator's metrics; every one that can be known beforehand is there from the start, as 0. */
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #nodes: Gauge;
  readonly #reconciles: Counter;
  readonly #duration: Histogram;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#nodes = new Gauge({
      name: `${prefix}nodes`,
      help: 'Nodes of a ProxyConfig by state (the counts of its status).',
      labelNames: ['config', 'state'],
      registers,
    });
    this.#reconciles = new Counter({
      name: `${prefix}reconciles_total`,
      help: 'Reconciles by queue and result.',
      labelNames: ['queue', 'result'],
      registers,
    });
    this.#duration = new Histogram({
      name: `${prefix}reconcile_duration_seconds`,
      help: 'How long reconciles took.',
      labelNames: ['queue'],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30],
      registers,
    });
    for (const queue of queues) {
      for (const result of ['success', 'error']) this.#reconciles.inc({ queue, result }, 0);
      this.#duration.zero({ queue });
    }
  }

  /** Adds the metrics that are read from their sources at each scrape; to be called once. */
  readFrom(sources: MetricSources): void {
    registerSources(sources, [this.registry]);
  }

  /** Sets the counts of a config's status. */
  setNodes(config: string, counts: NodeCounts): void {
    for (const [state, count] of Object.entries(counts)) this.#nodes.set({ config, state }, Number(count));
  }

  /** A config that is gone has no counts, not zeros. */
  forgetConfig(config: string): void {
    for (const state of ['matching', 'updated', 'ready', 'failed', 'pending', 'ignored']) {
      this.#nodes.remove({ config, state });
    }
  }

  reconciled(queue: string, seconds: number, success: boolean): void {
    this.#reconciles.inc({ queue, result: success ? 'success' : 'error' });
    this.#duration.observe({ queue }, seconds);
  }
}

function registerSources({ isLeader, queueLengths, watches }: MetricSources, registers: Registry[]): void {
  new Gauge({
    name: `${prefix}leader`,
    help: '1 while this process leads, else 0.',
    registers,
    collect() {
      this.set(isLeader() ? 1 : 0);
    },
  });
  new Gauge({
    name: `${prefix}queue_length`,
    help: 'Keys that wait for their turn.',
    labelNames: ['queue'],
    registers,
    collect() {
      const lengths = queueLengths();
      for (const queue of queues) this.set({ queue }, lengths[queue] ?? 0);
    },
  });
  const ofWatches = (name: string, help: string, value: (statistics: ReflectorStatistics) => number) =>
    new Gauge({
      name: `${prefix}${name}`,
      help,
      labelNames: ['resource'],
      registers,
      collect() {
        this.reset();
        for (const [resource, statistics] of watches()) this.set({ resource }, value(statistics));
      },
    });
  ofWatches('watch_lists', 'Lists since this process leads.', ({ lists }) => lists);
  ofWatches('watch_errors', 'Errors of lists and watches since this process leads.', ({ errors }) => errors);
  ofWatches('watch_cache_misses', 'Changes that a watch had missed.', ({ cacheMisses }) => cacheMisses);
  ofWatches('watch_last_event_age_seconds', 'Time since the last event, bookmark or list.', ({ lastEventAt }) =>
    lastEventAt === undefined ? 0 : (Date.now() - lastEventAt) / 1000,
  );
}
