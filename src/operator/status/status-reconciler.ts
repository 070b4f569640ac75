import { Inject, Injectable } from '@nestjs/common';
import type { Again } from '../../kubernetes/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { ClusterCache } from '../cluster/index.ts';
import type { AgentCounts } from '../cluster/index.ts';
import { CLOCK, perTerm } from '../injection.ts';
import { Assignment } from '../rollout/index.ts';
import { agentGraceSeconds, configStatus } from './config-status.ts';
import { StatusPublisher } from './status-publisher.ts';

/** Keeps what is said about a ProxyConfig in line with what its nodes report. */
@Injectable(perTerm)
export class StatusReconciler {
  readonly #cache: ClusterCache;
  readonly #assignment: Assignment;
  readonly #publisher: StatusPublisher;
  readonly #clock: Clock;

  constructor(
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(Assignment) assignment: Assignment,
    @Inject(StatusPublisher) publisher: StatusPublisher,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#cache = cache;
    this.#assignment = assignment;
    this.#publisher = publisher;
    this.#clock = clock;
  }

  /** @throws ApiError, ConnectionError */
  async reconcile(name: string): Promise<Again | undefined> {
    const checked = this.#cache.configs.get(name);
    const share = this.#assignment.shareOf(name);
    // Without a share it is being deleted: there is nothing to say about it any more.
    if (checked === undefined || share === undefined) {
      this.#publisher.forget(name);
      return undefined;
    }
    const { config, errors } = checked;
    const { agents, nodeStates } = this.#cache;
    const status = configStatus({
      config,
      errors,
      share,
      stateOf: (node) => nodeStates.get(node),
      agents,
      previous: this.#publisher.lastOf(config),
      now: new Date(this.#clock.wall()),
    });
    await this.#publisher.publish(config, status);
    return whenGraceEnds(agents);
  }
}

/** Agents that are missing become worth a condition by time alone. */
function whenGraceEnds(agents: AgentCounts | undefined): Again | undefined {
  if (agents === undefined || agents.ready >= agents.desired || agents.shortForSeconds >= agentGraceSeconds) {
    return undefined;
  }
  return { afterSeconds: agentGraceSeconds - agents.shortForSeconds + 0.1 };
}
