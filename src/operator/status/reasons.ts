import { agentSilent } from '../../api/index.ts';
import { pendingReasons } from '../rollout/index.ts';

/**
 * The closed lists of condition reasons of a ProxyConfig. People and their tools match on them: a word that is here
 * stays, and says the same for ever.
 */
export const reasons = {
  /** True: Valid, UnknownFields (a newer version's). False: InvalidSpec, Shadowed (others win every node that it selects). */
  Accepted: ['Valid', 'UnknownFields', 'InvalidSpec', 'Shadowed'],
  /** Present and True only while something is under way. */
  Reconciling: ['CanaryInProgress', 'RollingOut', 'RollingBack', 'NodeJoining', 'WaitingForNodes'],
  /** Present and True only while nothing will get better without a person. */
  Stalled: [
    'InvalidSpec',
    'Shadowed',
    'NoMatchingNode',
    'AgentsWouldGo',
    'RolloutFailed',
    'ProgressDeadlineExceeded',
    'RolloutPaused',
  ],
  /** True: all but AsExpected, which is False. */
  Degraded: [
    'NodesFailing',
    'RolloutFailed',
    'NodesSilent',
    'AgentNotRunning',
    'NodesUncovered',
    'NodesDegraded',
    'ObjectsWithProblems',
    'AsExpected',
  ],
  /**
   * True: AllNodesSynced. Unknown: CanaryInProgress, RollingOut, RolloutPaused, NodeJoining, WaitingForNodes. False: the
   * others.
   */
  Ready: [
    'AllNodesSynced',
    'CanaryInProgress',
    'RollingOut',
    'RolloutPaused',
    'NodeJoining',
    'WaitingForNodes',
    'RolloutFailed',
    'NodesFailing',
    'NodesSilent',
    'NoMatchingNode',
    'AgentsWouldGo',
    'Shadowed',
    'InvalidSpec',
  ],
  /** Present and True only while Service ports of a node go through a proxy, whose endpoints see the node as their client. */
  ClientAddressesHidden: ['ServedByProxy'],
  /**
   * Present where somebody wants kube-proxy parked, or did. True: AllNodesParked. Unknown: WaitingForRollout, Parking,
   * Restoring, CannotSeeKubeProxy. False: the others.
   */
  KubeProxyParked: [
    'AllNodesParked',
    'WaitingForRollout',
    'Parking',
    'Restoring',
    'CannotSeeKubeProxy',
    'ParkedNodeNotReady',
    'RolloutFailed',
    'OwnedByOthers',
    'NoKubeProxy',
    'SwitchedOff',
    'NotManaged',
  ],
} as const;

export type ConditionType = keyof typeof reasons;
export type Reason<T extends ConditionType> = (typeof reasons)[T][number];

/** The closed lists of reasons for which a ProxyConfig's status names nodes, beside those that agents report as failures. */
export const nodeReasons = {
  failedNodes: ['ProgressDeadlineExceeded', 'NodeNotReady', 'AgentNotRunning'],
  silentNodes: [agentSilent],
  pendingNodes: pendingReasons,
  uncoveredNodes: ['NoGoverningConfig', 'CleanupPending'],
} as const;
