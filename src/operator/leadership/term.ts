import type { ReflectorStatistics } from '../../kubernetes/index.ts';
import type { ClusterObjects } from '../../overview/index.ts';

/** One term of leadership: what runs from winning the Lease to losing it. */
export interface Term {
  /** Resolves when the work is under way; rejects if it cannot be begun, or was stopped before. To be called once. */
  start(): Promise<void>;
  /** Resolves when nothing is under way any more. Also for a term that is starting, or never did. */
  stop(): Promise<void>;
  /** All caches are complete and the queues run. */
  readonly synced: boolean;
  /** Keys waiting, by queue. */
  readonly queueLengths: Readonly<Record<string, number>>;
  /** What the caches hold of ours. */
  objects(): ClusterObjects;
  /** Counters of each watch, by plural name. */
  watchStatistics(): ReadonlyMap<string, ReflectorStatistics>;
}
