import { Inject, Injectable } from '@nestjs/common';
import { admits, AgentTemplate } from '../agents/index.ts';
import { ClusterCache } from '../cluster/index.ts';
import type { AgentCounts, CheckedConfig } from '../cluster/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { CLOCK, perTerm } from '../injection.ts';
import { Assignments, withAgent } from '../rollout/index.ts';
import type { PlanInput } from '../rollout/index.ts';

/** What a plan has to know of nodes, and what is said of them beside it. */
export interface SeenNodes extends Pick<PlanInput, 'nodes' | 'stateOf' | 'agents'> {
  /** Names of a ProxyConfig's nodes that would lose their agents: too many, so that they do not. */
  readonly wouldLoseAgents: (config: string) => readonly string[];
}

/** All that a plan is made from, as it is at this moment. */
@Injectable(perTerm)
export class Observed {
  readonly #cache: ClusterCache;
  readonly #assignments: Assignments;
  readonly #template: AgentTemplate;
  readonly #clock: Clock;
  /** Since when this term has been looking. */
  readonly since: Date;

  constructor(
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(Assignments) assignments: Assignments,
    @Inject(AgentTemplate) template: AgentTemplate,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#cache = cache;
    this.#assignments = assignments;
    this.#template = template;
    this.#clock = clock;
    this.since = this.now;
  }

  get now(): Date {
    return new Date(this.#clock.wall());
  }

  get configs(): CheckedConfig[] {
    return this.#cache.configs.all();
  }

  /** Agents that run; undefined while nobody can say. */
  get agents(): AgentCounts | undefined {
    return this.#cache.agents;
  }

  /** Nodes, what they were told and say, how the Pods of their agents are, and what agents are to be made from, where. */
  nodes(): SeenNodes {
    const pods = this.#cache.agentPods();
    const stateOf: PlanInput['stateOf'] = (node) => {
      const state = this.#assignments.stateOf(node);
      return state && withAgent(state, pods.get(node.name));
    };
    const { placement, refused } = this.#template.placement();
    const agents: PlanInput['agents'] = {
      revisionOf: (spec) => this.#template.of(spec)?.revision,
      // A taint that came later leaves the agent where it is, unless it is one that drives Pods away.
      runOn: (node) => admits(placement, node) || pods.has(node.name),
    };
    const wouldLoseAgents = (config: string): readonly string[] => refused.get(config) ?? [];
    return { nodes: [...this.#cache.nodes.values()], stateOf, agents, wouldLoseAgents };
  }
}
