import { Inject, Injectable } from '@nestjs/common';
import { apiVersion, canonicalJson, proxyConfigKind } from '../../api/index.ts';
import type { ProxyConfig, ProxyConfigStatus } from '../../api/index.ts';
import { ApiError, EventRecorder, isNotFound } from '../../kubernetes/index.ts';
import { ClusterCache } from '../cluster/index.ts';
import type { CheckedConfig } from '../cluster/index.ts';
import { perTerm } from '../injection.ts';
import { OperatorMetrics } from '../metrics/index.ts';
import { statusEvents } from './status-events.ts';

/** What API servers answer for an object whose spec they would not take any more, whatever is changed of it. */
const refusals = [422, 500];

/** Makes a ProxyConfig's status known: in the object, when it differs, as Events about transitions, as metrics. */
@Injectable(perTerm)
export class StatusPublisher {
  readonly #cache: ClusterCache;
  readonly #metrics: OperatorMetrics;
  readonly #events: EventRecorder;
  /** By uid, as it was written in this term. Nobody else writes it, so the cache can only be behind. */
  readonly #written = new Map<string, ProxyConfigStatus>();

  constructor(
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(OperatorMetrics) metrics: OperatorMetrics,
    @Inject(EventRecorder) events: EventRecorder,
  ) {
    this.#cache = cache;
    this.#metrics = metrics;
    this.#events = events;
  }

  /** The config with its status as it was written last, whether the cache knows or not. */
  withLast(checked: CheckedConfig): CheckedConfig {
    const status = this.#written.get(uidOf(checked.config)) ?? checked.config.status;
    return { ...checked, config: { ...checked.config, ...(status !== undefined && { status }) } };
  }

  /**
   * @param checked as `withLast` gave it
   * @throws ApiError, ConnectionError: then nothing was recorded, and it is to be tried again
   */
  async publish(checked: CheckedConfig, next: ProxyConfigStatus): Promise<void> {
    const { config } = checked;
    this.#metrics.setStatus(config.metadata.name, next);
    if (canonicalJson(next) === canonicalJson(config.status)) return;
    if (!(await this.#write(checked, next))) return;
    this.#written.set(uidOf(config), next);
    const { name, uid = '' } = config.metadata;
    for (const { type, reason, message } of statusEvents(config.status, next)) {
      this.#events.event({ apiVersion, kind: proxyConfigKind, name, uid }, type, reason, message);
    }
  }

  /** Of a ProxyConfig that is gone there is nothing to say any more. */
  forget(name: string): void {
    this.#metrics.forgetConfig(name);
  }

  /** False if it was deleted meanwhile; the watch will say so. */
  async #write({ config, errors }: CheckedConfig, status: ProxyConfigStatus): Promise<boolean> {
    try {
      await this.#cache.configs.writeStatus(config.metadata.name, status);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      // Then the Event is all that can be said, and trying again is of no use.
      if (errors.length > 0 && error instanceof ApiError && refusals.includes(error.status)) return true;
      throw error;
    }
  }
}

function uidOf({ metadata }: ProxyConfig): string {
  return metadata.uid ?? metadata.name;
}
