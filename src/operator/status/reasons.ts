/**
 * The closed lists of condition reasons of a ProxyConfig. People and their tools match on them: a word that is here
 * stays, and says the same for ever.
 */
export const reasons = {
  /** True: Valid. False: InvalidSpec, Shadowed (others win every node that it selects). */
  Accepted: ['Valid', 'InvalidSpec', 'Shadowed'],
  /** Present and True only while something is under way. */
  Reconciling: ['RollingOut', 'WaitingForNodes'],
  /** Present and True only while nothing will get better without a person. */
  Stalled: ['InvalidSpec'],
  /** True: NodesFailing, AgentNotRunning, NodesUncovered, NodesDegraded. False: AsExpected. */
  Degraded: ['NodesFailing', 'AgentNotRunning', 'NodesUncovered', 'NodesDegraded', 'AsExpected'],
  /** True: AllNodesSynced. Unknown: RollingOut, WaitingForNodes. False: the others. */
  Ready: [
    'AllNodesSynced',
    'RollingOut',
    'WaitingForNodes',
    'NodesFailing',
    'NoMatchingNode',
    'Shadowed',
    'InvalidSpec',
  ],
} as const;

export type ConditionType = keyof typeof reasons;
export type Reason<T extends ConditionType> = (typeof reasons)[T][number];
