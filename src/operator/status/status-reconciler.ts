import { apiVersion, canonicalJson, proxyConfigKind } from '../../api/index.ts';
import type { ProxyConfig, ProxyConfigStatus } from '../../api/index.ts';
import { isNotFound } from '../../kubernetes/index.ts';
import type { Again, EventRecorder } from '../../kubernetes/index.ts';
import { agentGraceSeconds, configStatus } from './config-status.ts';
import type { AgentCounts } from './config-status.ts';
import type { OperatorMetrics } from '../http/index.ts';
import type { View } from '../rollout/index.ts';
import { statusEvents } from './status-events.ts';

/** Keeps the status of a ProxyConfig, and records its transitions as Events. Writes only what changed. */
export class StatusReconciler {
  readonly #view: View;
  readonly #metrics: Pick<OperatorMetrics, 'setNodes' | 'forgetConfig'>;
  readonly #events: Pick<EventRecorder, 'event'>;
  /** What was written over an object that the cache may still have as it was before. */
  readonly #written = new WeakMap<ProxyConfig, ProxyConfigStatus>();

  constructor(
    view: View,
    metrics: Pick<OperatorMetrics, 'setNodes' | 'forgetConfig'>,
    events: Pick<EventRecorder, 'event'>,
  ) {
    this.#view = view;
    this.#metrics = metrics;
    this.#events = events;
  }

  /** @throws ApiError, ConnectionError */
  async reconcile(name: string): Promise<Again | undefined> {
    const { cache, configs, shareOf } = this.#view;
    const checked = configs.get(name);
    const share = shareOf(name);
    // Without a share it is being deleted: there is nothing to say about it any more.
    if (checked === undefined || share === undefined) {
      this.#metrics.forgetConfig(name);
      return undefined;
    }
    const { config, errors } = checked;
    const { agents } = cache;
    const previous = this.#written.get(config) ?? config.status;
    const stateOf = (node: string) => cache.states.get(node);
    const next = configStatus({ config, errors, share, stateOf, agents, previous, now: new Date() });
    if (next.nodes) this.#metrics.setNodes(name, next.nodes);
    if (canonicalJson(next) !== canonicalJson(previous)) await this.#write(config, previous, next);
    return whenGraceEnds(agents);
  }

  async #write(config: ProxyConfig, previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): Promise<void> {
    const { name, uid = '' } = config.metadata;
    try {
      await this.#view.configs.writeStatus(name, next);
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

/** Agents that are missing become worth a condition by time alone. */
function whenGraceEnds(agents: AgentCounts | undefined): Again | undefined {
  if (agents === undefined || agents.ready >= agents.desired || agents.shortForSeconds >= agentGraceSeconds) {
    return undefined;
  }
  return { afterSeconds: agentGraceSeconds - agents.shortForSeconds + 0.1 };
}
