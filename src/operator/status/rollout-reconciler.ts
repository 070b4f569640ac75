import { Inject, Injectable } from '@nestjs/common';
import type { Again } from '../../kubernetes/index.ts';
import { perTerm } from '../injection.ts';
import { Assignments, plan } from '../rollout/index.ts';
import type { ConfigPlan, PlanInput } from '../rollout/index.ts';
import { Cleanup } from './cleanup.ts';
import { configStatus } from './config-status.ts';
import { nextLook } from './next-look.ts';
import { Observed } from './observed.ts';
import type { SeenNodes } from './observed.ts';
import { StatusPublisher } from './status-publisher.ts';

/**
 * Decides for all ProxyConfigs what their nodes are to be told next. What is decided for one is written into its status
 * first, and only then taken over: an operator that is killed in between, or whose status cannot be written, has told
 * nobody anything that its successor would not know of.
 */
@Injectable(perTerm)
export class RolloutReconciler {
  readonly #observed: Observed;
  readonly #assignments: Assignments;
  readonly #publisher: StatusPublisher;
  readonly #cleanup: Cleanup;
  #known: ReadonlySet<string> = new Set();

  constructor(
    @Inject(Observed) observed: Observed,
    @Inject(Assignments) assignments: Assignments,
    @Inject(StatusPublisher) publisher: StatusPublisher,
    @Inject(Cleanup) cleanup: Cleanup,
  ) {
    this.#observed = observed;
    this.#assignments = assignments;
    this.#publisher = publisher;
    this.#cleanup = cleanup;
  }

  /**
   * @param look is told the names of nodes whose ProxyNodeState has to be looked at
   * @throws ApiError, ConnectionError: the first of those that kept a status from being written; the decisions for
   * other configs hold
   */
  async reconcile(look: (node: string) => void): Promise<Again | undefined> {
    const { now, since } = this.#observed;
    const configs = this.#observed.configs.map((checked) => this.#publisher.withLast(checked));
    const seen = this.#observed.nodes();
    const { configs: plans, uncovered } = plan({ configs, ...seen, now, since });
    for (const name of this.#known) if (!plans.has(name)) this.#publisher.forget(name);
    this.#known = new Set(plans.keys());
    this.#assignments.cover(uncovered).forEach(look);
    const outcomes = await Promise.allSettled(
      [...plans.values()].map((each) => this.#carryOut(each, { ...seen, now }, look)),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    this.#assignments.chooseSpokesman(seen.stateOf).forEach(look);
    if (failed !== undefined) throw failed.reason;
    const cleaning = await this.#cleanup.next(configs, uncovered, now);
    this.#assignments.cleanUp(cleaning.tell).forEach(look);
    return sooner(nextLook([...plans.values()], this.#observed.agents, { now, since }), cleaning.again);
  }

  async #carryOut(
    decided: ConfigPlan,
    { stateOf, wouldLoseAgents, now }: Pick<SeenNodes, 'stateOf' | 'wouldLoseAgents'> & Pick<PlanInput, 'now'>,
    look: (node: string) => void,
  ): Promise<void> {
    const { config } = decided.checked;
    const { agents } = this.#observed;
    const facts = { agents, wouldLoseAgents: wouldLoseAgents(config.metadata.name), previous: config.status, now };
    const status = configStatus({ plan: decided, stateOf, ...facts });
    await this.#publisher.publish(decided.checked, status);
    this.#assignments.decide(decided).forEach(look);
  }
}

function sooner(a: Again | undefined, b: Again | undefined): Again | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.afterSeconds <= b.afterSeconds ? a : b;
}
