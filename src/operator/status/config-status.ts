import type { NodeAssignment, ProxyConfigStatus } from '../../api/index.ts';
import type { Share } from '../rollout/index.ts';
import { conditionsFrom, verdict } from './conditions.ts';
import type { Verdict } from './conditions.ts';
import { factsOf } from './facts.ts';
import type { Facts, StatusInput } from './facts.ts';
import {
  failingMessage,
  leftOut,
  progressMessage,
  shadowedMessage,
  stoppedMessage,
  uncoveredMessage,
} from './messages.ts';

/** For how long agents may be missing (starting, being replaced) before that is worth a condition. */
export const agentGraceSeconds = 30;

/**
 * The status of a ProxyConfig, from its plan and what its nodes say. A pure function: the same input gives the same
 * status, and a status that was computed before the same conditions with the same times.
 */
export function configStatus(input: StatusInput): ProxyConfigStatus {
  const { plan, previous, now } = input;
  const generation = plan.checked.config.metadata.generation ?? 0;
  const facts = factsOf(input);
  const verdicts = [...acceptance(facts), ...progression(facts), degradation(facts), readiness(facts)];
  return {
    observedGeneration: generation,
    ...(plan.settled !== undefined && current(plan.settled)),
    ...(plan.target !== undefined && { updateRevision: plan.target.revision }),
    ...(plan.rollout !== undefined && { rollout: plan.rollout }),
    nodes: { ...facts.counts, uncovered: plan.share.uncovered.length },
    failedNodes: [...facts.failed],
    conditions: conditionsFrom(verdicts, previous?.conditions ?? [], generation, now),
  };
}

function current({ revision, config, agentRevision }: NodeAssignment): Partial<ProxyConfigStatus> {
  const agent = agentRevision !== undefined && { currentAgentRevision: agentRevision };
  return { currentRevision: revision, currentConfig: config, ...agent };
}

function acceptance({ input: { plan } }: Facts): Verdict[] {
  const { checked, share } = plan;
  if (checked.errors.length > 0) {
    const message = checked.errors.map((error) => `${error.path}: ${error.message}`).join('; ');
    return [verdict('Accepted', 'False', 'InvalidSpec', message), verdict('Stalled', 'True', 'InvalidSpec', message)];
  }
  if (isShadowed(share)) return [verdict('Accepted', 'False', 'Shadowed', shadowedMessage(share))];
  return [verdict('Accepted', 'True', 'Valid', `the spec is valid${leftOut(share)}`)];
}

type Underway = 'CanaryInProgress' | 'RollingOut' | 'RolloutPaused' | 'NodeJoining' | 'WaitingForNodes';

/** What is waited for; undefined if nothing is. */
function underway({ input: { plan }, counts, phase, stopped }: Facts): Underway | undefined {
  if (plan.checked.errors.length > 0 || stopped || counts.matching === 0) return undefined;
  if (phase === 'Paused') return 'RolloutPaused';
  if (counts.matching === counts.ignored) return 'WaitingForNodes';
  if (phase === 'Canary' || phase === 'Soaking') return 'CanaryInProgress';
  if (phase === 'Rolling') return 'RollingOut';
  return counts.pending > 0 ? 'NodeJoining' : undefined;
}

/** Reconciling and Stalled, as it may be. */
function progression(facts: Facts): Verdict[] {
  const reason = underway(facts);
  if (reason !== undefined) return [verdict('Reconciling', 'True', reason, progressMessage(facts))];
  if (facts.phase === 'RollingBack') {
    return [verdict('Reconciling', 'True', 'RollingBack', stoppedMessage(facts))];
  }
  if (!facts.stopped) return [];
  const late = facts.failed.every(({ reason: why }) => why === 'ProgressDeadlineExceeded' || why === 'NodeNotReady');
  return [verdict('Stalled', 'True', late ? 'ProgressDeadlineExceeded' : 'RolloutFailed', stoppedMessage(facts))];
}

function degradation(facts: Facts): Verdict {
  const { agents, plan } = facts.input;
  if (facts.stopped) return verdict('Degraded', 'True', 'RolloutFailed', stoppedMessage(facts));
  if (facts.counts.failed > 0) return verdict('Degraded', 'True', 'NodesFailing', failingMessage(facts));
  if (agents !== undefined && agents.shortForSeconds >= agentGraceSeconds) {
    const message = `${agents.desired - agents.ready} of ${agents.desired} agents are not ready; see the Pods of the DaemonSet`;
    return verdict('Degraded', 'True', 'AgentNotRunning', message);
  }
  if (plan.share.uncovered.length > 0) {
    return verdict('Degraded', 'True', 'NodesUncovered', uncoveredMessage(plan.share));
  }
  const [first, ...others] = facts.nodes.filter((node) => node.degraded !== undefined);
  if (first?.degraded === undefined) return verdict('Degraded', 'False', 'AsExpected', 'nothing to report');
  const more = others.length > 0 ? ` (and ${others.length} more nodes)` : '';
  return verdict('Degraded', 'True', 'NodesDegraded', `${first.name}: ${first.degraded.message}${more}`);
}

function readiness(facts: Facts): Verdict {
  const { checked, share } = facts.input.plan;
  if (checked.errors.length > 0)
    return verdict('Ready', 'False', 'InvalidSpec', 'the spec is invalid; nodes keep what they have');
  if (isShadowed(share)) return verdict('Ready', 'False', 'Shadowed', shadowedMessage(share));
  if (share.won.length === 0)
    return verdict('Ready', 'False', 'NoMatchingNode', `nodeSelector selects no node${leftOut(share)}`);
  if (facts.stopped) return verdict('Ready', 'False', 'RolloutFailed', stoppedMessage(facts));
  const reason = underway(facts);
  if (reason !== undefined) return verdict('Ready', 'Unknown', reason, progressMessage(facts));
  if (facts.counts.failed > 0) return verdict('Ready', 'False', 'NodesFailing', failingMessage(facts));
  return verdict('Ready', 'True', 'AllNodesSynced', progressMessage(facts));
}

/** Selects nodes that could run an agent, and loses every one of them. */
function isShadowed({ selected, won, unsupported }: Share): boolean {
  return selected > unsupported.length && won.length === 0;
}
