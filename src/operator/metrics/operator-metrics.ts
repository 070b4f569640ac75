import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ProxyConfigStatus } from '../../api/index.ts';

/** What the names of all metrics of the operator begin with. */
export const metricPrefix = 'nftproxy_operator_';

/** The queues of work; the label `queue` of metrics. */
export const queueNames = ['nodes', 'rollouts', 'agents', 'kubeProxy', 'crds'] as const;
export type QueueName = (typeof queueNames)[number];

/**
 * The metrics that the operator's parts write, and the registry that all others join; every one that can be known
 * beforehand is there from the start, as 0. They live as long as the process: counters go on over terms.
 */
@Injectable()
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #nodes: Gauge;
  readonly #conditions: Gauge;
  readonly #reconciles: Counter;
  readonly #duration: Histogram;
  /** What is shown, by config. */
  readonly #shown = new Map<string, ProxyConfigStatus>();

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#nodes = new Gauge({
      name: `${metricPrefix}nodes`,
      help: 'Nodes of a ProxyConfig by state (the counts of its status).',
      labelNames: ['config', 'state'],
      registers,
    });
    this.#conditions = new Gauge({
      name: `${metricPrefix}condition`,
      help: 'Conditions of a ProxyConfig, each with its reason: 1 for True, else 0.',
      labelNames: ['config', 'type', 'reason'],
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

  /** What a config's status says: its counts, and the conditions that it has. */
  setStatus(config: string, status: ProxyConfigStatus): void {
    this.forgetConfig(config);
    this.#shown.set(config, status);
    const { nodes, conditions = [] } = status;
    for (const [state, count] of Object.entries(nodes ?? {})) this.#nodes.set({ config, state }, Number(count));
    for (const { type, reason, status: is } of conditions)
      this.#conditions.set({ config, type, reason }, is === 'True' ? 1 : 0);
  }

  /** A config that is gone has no counts, not zeros. */
  forgetConfig(config: string): void {
    const { nodes, conditions = [] } = this.#shown.get(config) ?? {};
    for (const state of Object.keys(nodes ?? {})) this.#nodes.remove({ config, state });
    for (const { type, reason } of conditions) this.#conditions.remove({ config, type, reason });
    this.#shown.delete(config);
  }

  /** Who does not lead knows nothing of any config: another process may say something else by now. */
  forgetConfigs(): void {
    this.#nodes.reset();
    this.#conditions.reset();
    this.#shown.clear();
  }

  /** One reconcile has ended. */
  reconciled(queue: QueueName, seconds: number, success: boolean): void {
    this.#reconciles.inc({ queue, result: success ? 'success' : 'error' });
    this.#duration.observe({ queue }, seconds);
  }
}
