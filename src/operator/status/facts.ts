import { effectiveRollout } from '../../api/index.ts';
import type { ProxyConfigStatus, ProxyNodeState, RolloutPhase } from '../../api/index.ts';
import type { AgentCounts, ClusterNode } from '../cluster/index.ts';
import type { ConfigParking } from '../kube-proxy/index.ts';
import { countNodes, progressOf } from '../rollout/index.ts';
import type { ConfigPlan, NodeProgress } from '../rollout/index.ts';
import { namedNodes } from './named-nodes.ts';
import type { NamedNodes } from './named-nodes.ts';

/** What is known about a ProxyConfig. */
export interface StatusInput {
  readonly plan: ConfigPlan;
  readonly stateOf: (node: ClusterNode) => ProxyNodeState | undefined;
  /** Undefined while nobody can say. */
  readonly agents: AgentCounts | undefined;
  /** Names of nodes that would lose their agents if agents ran where they are to run; too many of them, so they do not. */
  readonly wouldLoseAgents: readonly string[];
  /** Where kube-proxy is among its nodes; left out: it is nobody's business. */
  readonly parking?: ConfigParking | undefined;
  /** The status as it was written last. */
  readonly previous: ProxyConfigStatus | undefined;
  readonly now: Date;
}

/** What follows from it, for all that is said. */
export interface Facts {
  readonly input: StatusInput;
  readonly nodes: readonly NodeProgress[];
  readonly counts: ReturnType<typeof countNodes>;
  readonly phase: RolloutPhase | undefined;
  /** Failures have stopped the rollout. */
  readonly stopped: boolean;
  readonly named: NamedNodes;
}

export function factsOf(input: StatusInput): Facts {
  const { plan, previous, stateOf } = input;
  const phase = plan.rollout?.phase;
  const stopped = phase === 'RollingBack' || phase === 'RolledBack' || phase === 'Failed';
  const nodes = progressOf(plan, stateOf, (state) => isLate(input, state));
  const stopping = stopped ? (plan.failures.length > 0 ? plan.failures : (previous?.failedNodes ?? [])) : undefined;
  const named = namedNodes(nodes, plan, stopping);
  return { input, nodes, counts: countNodes(nodes), phase, stopped, named };
}

/** Outside of a rollout (there it says so itself) a node that was told something has as long as there. */
function isLate({ plan, now }: StatusInput, { metadata }: ProxyNodeState): boolean {
  if (plan.rollout?.phase !== 'Complete') return false;
  const { progressDeadlineSeconds } = effectiveRollout(plan.checked.config.spec.rollout);
  const since = Math.max(Date.parse(plan.rollout.lastProgressAt), Date.parse(metadata.creationTimestamp ?? '') || 0);
  return now.getTime() - since > progressDeadlineSeconds * 1000;
}
