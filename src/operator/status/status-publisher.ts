import { Inject, Injectable } from '@nestjs/common';
import { apiVersion, canonicalJson, proxyConfigKind } from '../../api/index.ts';
import type { ProxyConfig, ProxyConfigStatus } from '../../api/index.ts';
import { EventRecorder, isNotFound } from '../../kubernetes/index.ts';
import { ClusterCache } from '../cluster/index.ts';
import { perTerm } from '../injection.ts';
import { OperatorMetrics } from '../metrics/index.ts';
import { statusEvents } from './status-events.ts';

/** Makes a ProxyConfig's status known: in the object, when it differs, as Events about transitions, as metrics. */
@Injectable(perTerm)
export class StatusPublisher {
  readonly #cache: ClusterCache;
  readonly #metrics: OperatorMetrics;
  readonly #events: EventRecorder;
  /** What was written over an object that the cache may still have as it was before. */
  readonly #written = new WeakMap<ProxyConfig, ProxyConfigStatus>();

  constructor(
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(OperatorMetrics) metrics: OperatorMetrics,
    @Inject(EventRecorder) events: EventRecorder,
  ) {
    this.#cache = cache;
    this.#metrics = metrics;
    this.#events = events;
  }

  /** The status as it was written last, whether the cache knows or not. */
  lastOf(config: ProxyConfig): ProxyConfigStatus | undefined {
    return this.#written.get(config) ?? config.status;
  }

  /** @throws ApiError, ConnectionError: then nothing was recorded, and it is to be tried again */
  async publish(config: ProxyConfig, next: ProxyConfigStatus): Promise<void> {
    if (next.nodes) this.#metrics.setNodes(config.metadata.name, next.nodes);
    const previous = this.lastOf(config);
    if (canonicalJson(next) !== canonicalJson(previous)) await this.#write(config, previous, next);
  }

  /** Of a ProxyConfig that is gone there is nothing to say any more. */
  forget(name: string): void {
    this.#metrics.forgetConfig(name);
  }

  async #write(config: ProxyConfig, previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): Promise<void> {
    const { name, uid = '' } = config.metadata;
    try {
      await this.#cache.configs.writeStatus(name, next);
    } catch (error) {
      // Deleted meanwhile; the watch will say so.
      if (isNotFound(error)) return;
      throw error;
    }
    this.#written.set(config, next);
    for (const { type, reason, message } of statusEvents(previous, next)) {
      this.#events.event({ apiVersion, kind: proxyConfigKind, name, uid }, type, reason, message);
    }
  }
}
