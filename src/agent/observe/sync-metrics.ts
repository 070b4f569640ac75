import type { Clock } from '../../runtime/index.ts';
import type { Family } from '../../services/index.ts';
import type { Synced, SyncFailed, SyncObserver } from '../sync/index.ts';
import type { ProxyHealth } from './health.ts';
import type { AgentMetrics } from './metrics.ts';

/** Tells health and metrics how syncs go. */
export class SyncMetrics implements SyncObserver {
  readonly #families: readonly Family[];
  readonly #health: ProxyHealth;
  readonly #metrics: AgentMetrics;
  readonly #clock: Clock;

  constructor(o: { families: readonly Family[]; health: ProxyHealth; metrics: AgentMetrics; clock: Clock }) {
    this.#families = o.families;
    this.#health = o.health;
    this.#metrics = o.metrics;
    this.#clock = o.clock;
  }

  requested(): void {
    for (const family of this.#families) {
      this.#health.queuedUpdate(family);
      this.#metrics.kubeProxy.syncQueued(family, this.#clock.wall());
    }
  }

  started(): void {
    for (const family of this.#families) this.#health.syncStarted(family);
    this.#metrics.kubeProxy.changesTakenUp();
  }

  synced({ result, seconds, latencySeconds }: Synced): void {
    const { kubeProxy, own } = this.#metrics;
    const now = this.#clock.wall();
    for (const family of this.#families) {
      this.#health.synced(family);
      kubeProxy.synced(family, { seconds, wallMilliseconds: now, full: result.full });
    }
    for (const { family, at } of result.triggers) {
      // Two machines' clocks, or one that was set back, must not make a sum go down that only grows.
      kubeProxy.networkProgrammed(family, Math.max(0, now - at) / 1000);
    }
    if (result.written.transactions > 0) own.committed('success', result.written.milliseconds / 1000);
    if (latencySeconds !== undefined) own.applied(latencySeconds);
  }

  failed({ error, seconds }: SyncFailed): void {
    const { kubeProxy, own } = this.#metrics;
    for (const family of this.#families) {
      this.#health.failed(family, error);
      kubeProxy.syncFailed(family, seconds);
    }
    own.committed('failure', seconds);
  }
}
