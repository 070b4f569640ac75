import type { NodeAssignment, ProxyConfigStatus } from '../../api/index.ts';
import { clientAddressesVerdict } from './client-addresses.ts';
import { conditionsFrom, verdict } from './conditions.ts';
import type { Verdict } from './conditions.ts';
import { factsOf } from './facts.ts';
import type { Facts, StatusInput } from './facts.ts';
import { kubeProxyStatus, kubeProxyVerdict } from './kube-proxy.ts';
import {
  failingMessage,
  invalidMessage,
  leftOut,
  noNodeMessage,
  progressMessage,
  shadowedMessage,
  silentMessage,
  stoppedMessage,
  uncoveredMessage,
  unknownMessage,
  wouldLoseMessage,
} from './messages.ts';
import type { NamedNodes } from './named-nodes.ts';
import { isShadowed, outstanding, outstandingMessage, progression } from './progression.ts';

/** What agents call it, too. */
const objectsWithProblems = 'ObjectsWithProblems';

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
  const verdicts = [
    ...[acceptance(facts), ...progression(facts), degradation(facts), readiness(facts)],
    ...kubeProxyVerdict(input),
    ...clientAddressesVerdict(input),
  ];
  return {
    observedGeneration: generation,
    ...(plan.settled !== undefined && current(plan.settled)),
    ...(plan.target !== undefined && { updateRevision: plan.target.revision }),
    ...(plan.rollout !== undefined && { rollout: plan.rollout }),
    nodes: { ...facts.counts, uncovered: plan.share.uncovered.length },
    ...lists(facts.named),
    ...kubeProxyStatus(input),
    conditions: conditionsFrom(verdicts, previous?.conditions ?? [], generation, now),
  };
}

function current({ revision, config, agentRevision }: NodeAssignment): Partial<ProxyConfigStatus> {
  const agent = agentRevision !== undefined && { currentAgentRevision: agentRevision };
  return { currentRevision: revision, currentConfig: config, ...agent };
}

/** As the API's types have them: lists that are not shared. */
function lists({ failedNodes, silentNodes, pendingNodes, uncoveredNodes }: NamedNodes): Partial<ProxyConfigStatus> {
  return {
    failedNodes: [...failedNodes],
    silentNodes: [...silentNodes],
    pendingNodes: [...pendingNodes],
    uncoveredNodes: [...uncoveredNodes],
  };
}

function acceptance({ input: { plan } }: Facts): Verdict {
  const { checked, share } = plan;
  if (checked.errors.length > 0) return verdict('Accepted', 'False', 'InvalidSpec', invalidMessage(checked));
  if (isShadowed(share)) return verdict('Accepted', 'False', 'Shadowed', shadowedMessage(share));
  if (checked.unknownFields !== undefined)
    return verdict('Accepted', 'True', 'UnknownFields', unknownMessage(checked, share));
  return verdict('Accepted', 'True', 'Valid', `the spec is valid${leftOut(share)}`);
}

function degradation(facts: Facts): Verdict {
  const { agents, plan } = facts.input;
  if (facts.stopped) return verdict('Degraded', 'True', 'RolloutFailed', stoppedMessage(facts));
  if (facts.counts.failed > 0) return verdict('Degraded', 'True', 'NodesFailing', failingMessage(facts));
  if (facts.counts.silent > 0) return verdict('Degraded', 'True', 'NodesSilent', silentMessage(facts));
  if (agents !== undefined && agents.shortForSeconds >= agentGraceSeconds) {
    const message = `${agents.desired - agents.ready} of ${agents.desired} agents are not ready; see the Pods of the DaemonSet`;
    return verdict('Degraded', 'True', 'AgentNotRunning', message);
  }
  if (plan.share.uncovered.length > 0) {
    return verdict('Degraded', 'True', 'NodesUncovered', uncoveredMessage(plan.share, plan.checked.config.spec));
  }
  return reported(facts);
}

/** Nodes work, but have something to report: of themselves, or of objects, in which all nodes see the same. */
function reported({ nodes }: Facts): Verdict {
  const degraded = nodes.filter((node) => node.degraded !== undefined);
  const [first, ...others] = degraded.filter((node) => node.degraded?.reason !== objectsWithProblems);
  if (first !== undefined) {
    const more = others.length > 0 ? ` (and ${others.length} more nodes)` : '';
    return verdict('Degraded', 'True', 'NodesDegraded', `${first.name}: ${first.degraded?.message ?? ''}${more}`);
  }
  const [most] = degraded.sort((a, b) => b.objectsWithProblems - a.objectsWithProblems || (a.name < b.name ? -1 : 1));
  if (most === undefined) return verdict('Degraded', 'False', 'AsExpected', 'nothing to report');
  const count = most.objectsWithProblems > 0 ? `${most.objectsWithProblems} objects, for example ` : '';
  return verdict('Degraded', 'True', objectsWithProblems, `${count}${most.degraded?.message ?? ''}`);
}

function readiness(facts: Facts): Verdict {
  const { checked, share } = facts.input.plan;
  if (checked.errors.length > 0)
    return verdict('Ready', 'False', 'InvalidSpec', 'the spec is invalid; nodes keep what they have');
  if (isShadowed(share)) return verdict('Ready', 'False', 'Shadowed', shadowedMessage(share));
  if (share.won.length === 0) return verdict('Ready', 'False', 'NoMatchingNode', noNodeMessage(share));
  if (facts.stopped) return verdict('Ready', 'False', 'RolloutFailed', stoppedMessage(facts));
  if (facts.input.wouldLoseAgents.length > 0)
    return verdict('Ready', 'False', 'AgentsWouldGo', wouldLoseMessage(facts));
  const reason = outstanding(facts);
  if (reason === undefined) return verdict('Ready', 'True', 'AllNodesSynced', progressMessage(facts));
  const trouble = reason === 'NodesFailing' || reason === 'NodesSilent';
  return verdict('Ready', trouble ? 'False' : 'Unknown', reason, outstandingMessage(reason, facts));
}
