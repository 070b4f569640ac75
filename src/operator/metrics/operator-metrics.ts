import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { NodeCounts } from '../../api/index.ts';

/** What the names of all metrics of the operator begin with. */
export const metricPrefix = 'nftproxy_operator_';

/** The queues of work; the label `queue` of metrics. */
export const queueNames = ['nodes', 'rollouts', 'agents', 'crds'] as const;
export type QueueName = (typeof queueNames)[number];

/**
 * The metrics that the operator's parts write, and the registry that all others join; every one that can be known
 * beforehand is there from the start, as 0. They live as long as the process: counters go on over terms.
 */
@Injectable()
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #nodes: Gauge;
  readonly #reconciles: Counter;
  readonly #duration: Histogram;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#nodes = new Gauge({
      name: `${metricPrefix}nodes`,
      help: 'Nodes of a ProxyConfig by state (the counts of its status).',
      labelNames: ['config', 'state'],
      registers,
    });
    this.#reconciles = new Counter({
      name: `${metricPrefix}reconciles_total`,
      help: 'Reconciles by queue and result.',
      labelNames: ['queue', 'result'],
      registers,
    });
    this.#duration = new Histogram({
      name: `${metricPrefix}reconcile_duration_seconds`,
      help: 'How long reconciles took.',
      labelNames: ['queue'],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30],
      registers,
    });
    for (const queue of queueNames) {
      for (const result of ['success', 'error']) this.#reconciles.inc({ queue, result }, 0);
      this.#duration.zero({ queue });
    }
  }

  /** Sets the counts of a config's status. */
  setNodes(config: string, counts: NodeCounts): void {
    for (const [state, count] of Object.entries(counts)) this.#nodes.set({ config, state }, Number(count));
  }

  /** A config that is gone has no counts, not zeros. */
  forgetConfig(config: string): void {
    for (const state of ['matching', 'updated', 'ready', 'failed', 'pending', 'silent', 'ignored', 'uncovered']) {
      this.#nodes.remove({ config, state });
    }
  }

  /** One reconcile has ended. */
  reconciled(queue: QueueName, seconds: number, success: boolean): void {
    this.#reconciles.inc({ queue, result: success ? 'success' : 'error' });
    this.#duration.observe({ queue }, seconds);
  }
}
