/**
 * The closed lists of condition reasons of a ProxyConfig. People and their tools match on them: a word that is here
 * stays, and says the same for ever.
 */
export const reasons = {
  /** True: Valid. False: InvalidSpec, Shadowed (others win every node that it selects). */
  Accepted: ['Valid', 'InvalidSpec', 'Shadowed'],
  /** Present and True only while something is under way. */
  Reconciling: ['CanaryInProgress', 'RollingOut', 'RollingBack', 'RolloutPaused', 'NodeJoining', 'WaitingForNodes'],
  /** Present and True only while nothing will get better without a person. */
  Stalled: ['InvalidSpec', 'RolloutFailed', 'ProgressDeadlineExceeded'],
  /** True: all but AsExpected, which is False. */
  Degraded: ['NodesFailing', 'RolloutFailed', 'AgentNotRunning', 'NodesUncovered', 'NodesDegraded', 'AsExpected'],
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
    'NoMatchingNode',
    'Shadowed',
    'InvalidSpec',
  ],
} as const;

export type ConditionType = keyof typeof reasons;
export type Reason<T extends ConditionType> = (typeof reasons)[T][number];
