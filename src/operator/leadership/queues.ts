import { Inject, Injectable } from '@nestjs/common';
import { WorkQueue } from '../../kubernetes/index.ts';
import type { Again } from '../../kubernetes/index.ts';
import { perTerm } from '../injection.ts';
import type { QueueName } from '../metrics/index.ts';
import { ReconcileReport } from './reconcile-report.ts';
import { Reconcilers } from './reconcilers.ts';

interface Work {
  readonly reconcile: (key: string) => Promise<Again | undefined>;
  readonly concurrency: number;
  readonly intervalSeconds?: number;
}

/** A queue for each kind of work, and the reconciler that does it. */
@Injectable(perTerm)
export class Queues {
  readonly #queues: Readonly<Record<QueueName, WorkQueue>>;
  readonly #report: ReconcileReport;

  constructor(@Inject(Reconcilers) reconcilers: Reconcilers, @Inject(ReconcileReport) report: ReconcileReport) {
    this.#report = report;
    const { nodes, rollouts, agents, crds, kubeProxy } = reconcilers;
    const queue = (name: QueueName, work: Work): WorkQueue =>
      new WorkQueue({ ...work, onDone: (outcome) => report.done(name, outcome) });
    this.#queues = {
      nodes: queue('nodes', { reconcile: (name) => nodes.reconcile(name), concurrency: 8 }),
      // A status is written at most once a second, however many nodes report.
      rollouts: queue('rollouts', {
        reconcile: () =>
          rollouts.reconcile({
            node: (name) => this.add('nodes', name),
            kubeProxy: () => this.add('kubeProxy', 'all'),
          }),
        concurrency: 1,
        intervalSeconds: 1,
      }),
      agents: queue('agents', { reconcile: () => agents.reconcile(), concurrency: 1, intervalSeconds: 1 }),
      kubeProxy: queue('kubeProxy', { reconcile: () => kubeProxy.reconcile(), concurrency: 1, intervalSeconds: 1 }),
      crds: queue('crds', { reconcile: (name) => crds.reconcile(name), concurrency: 1 }),
    };
  }

  /** Has the key looked at, soon. */
  add(queue: QueueName, key: string): void {
    this.#queues[queue].add(key);
  }

  /** Keys waiting, by queue. */
  get lengths(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.#queues).map(([name, queue]) => [name, queue.length]));
  }

  /** Drops what waits; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#queues).map((queue) => queue.stop()));
    this.#report.over();
  }
}
