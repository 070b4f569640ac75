import { Inject, Injectable } from '@nestjs/common';
import type { Again } from '../../kubernetes/index.ts';
import { perTerm } from '../injection.ts';
import type { ConfigParking } from '../kube-proxy/index.ts';
import { Assignments, plan } from '../rollout/index.ts';
import type { ConfigPlan, PlanInput } from '../rollout/index.ts';
import { configStatus } from './config-status.ts';
import { nextLook } from './next-look.ts';
import { Observed } from './observed.ts';
import type { SeenNodes } from './observed.ts';
import { SideWork } from './side-work.ts';
import { StatusPublisher } from './status-publisher.ts';

/** Told of what has to be looked at, for what has been decided is to be carried out there. */
export interface Look {
  /** A node's ProxyNodeState. */
  readonly node: (name: string) => void;
  /** Where kube-proxy is parked. */
  readonly kubeProxy: () => void;
}

/** All that the nodes of a ProxyConfig are seen and decided by, beside its plan. */
interface Beside extends Pick<SeenNodes, 'stateOf' | 'wouldLoseAgents'>, Pick<PlanInput, 'now'> {
  readonly parking: ConfigParking | undefined;
}

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
  readonly #beside: SideWork;
  #known: ReadonlySet<string> = new Set();

  constructor(
    @Inject(Observed) observed: Observed,
    @Inject(Assignments) assignments: Assignments,
    @Inject(StatusPublisher) publisher: StatusPublisher,
    @Inject(SideWork) beside: SideWork,
  ) {
    this.#observed = observed;
    this.#assignments = assignments;
    this.#publisher = publisher;
    this.#beside = beside;
  }

  /**
   * @throws ApiError, ConnectionError: the first of those that kept a status from being written; the decisions for
   * other configs hold
   */
  async reconcile(look: Look): Promise<Again | undefined> {
    const { now, since } = this.#observed;
    const configs = this.#observed.configs.map((checked) => this.#publisher.withLast(checked));
    const seen = this.#observed.nodes();
    const { configs: plans, uncovered } = plan({ configs, ...seen, now, since });
    for (const name of this.#known) if (!plans.has(name)) this.#publisher.forget(name);
    this.#known = new Set(plans.keys());
    this.#assignments.cover(uncovered).forEach(look.node);
    const parking = this.#beside.parking.next({ plans, stateOf: seen.stateOf, now });
    const outcomes = await Promise.allSettled(
      [...plans].map(([name, each]) =>
        this.#carryOut(each, { ...seen, now, parking: parking.configs.get(name) }, look),
      ),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    this.#assignments.chooseSpokesman(seen.stateOf).forEach(look.node);
    if (failed !== undefined) throw failed.reason;
    this.#assignments.park(parking.told).forEach(look.node);
    if (this.#beside.parking.decide(parking)) look.kubeProxy();
    const cleaning = await this.#beside.cleanup.next(configs, uncovered, now);
    this.#assignments.cleanUp(cleaning.tell).forEach(look.node);
    const soaked = parking.againIn === undefined ? undefined : { afterSeconds: parking.againIn + 0.1 };
    const next = nextLook([...plans.values()], this.#observed.agents, { now, since });
    return sooner(sooner(next, soaked), cleaning.again);
  }

  async #carryOut(decided: ConfigPlan, { stateOf, wouldLoseAgents, now, parking }: Beside, look: Look): Promise<void> {
    const { config } = decided.checked;
    const { agents } = this.#observed;
    const facts = {
      agents,
      wouldLoseAgents: wouldLoseAgents(config.metadata.name),
      previous: config.status,
      now,
      parking,
    };
    const status = configStatus({ plan: decided, stateOf, ...facts });
    await this.#publisher.publish(decided.checked, status);
    this.#assignments.decide(decided).forEach(look.node);
  }
}

function sooner(a: Again | undefined, b: Again | undefined): Again | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.afterSeconds <= b.afterSeconds ? a : b;
}
