import { agentSilent } from './constants.ts';

/**
 * The closed lists of condition reasons of a ProxyNodeState. People and their tools match on them: a word that is here
 * stays, and says the same for ever.
 */
export const nodeConditionReasons = {
  /**
   * True: UpToDate, CleanedUp. Unknown: Starting, Applying, CleaningUp, and AgentSilent, which the operator says in the
   * agent's place.
   */
  Synced: [
    'UpToDate',
    'CleanedUp',
    'Starting',
    'Applying',
    'CleaningUp',
    'SyncFailing',
    'SettingsRefused',
    'SettingsRolledBack',
    'PreflightBlocking',
    'CleanupFailing',
    agentSilent,
  ],
  /** True: all but AsExpected, which is False. */
  Degraded: [
    'SyncFailing',
    'SettingsRefused',
    'SettingsRolledBack',
    'PreflightBlocking',
    'CleanupFailing',
    'NoConfiguration',
    'CannotListen',
    'ServicePortsRefused',
    'ModeUnavailable',
    'WaitingForProxy',
    'FallenBackToSlots',
    'ObjectsWithProblems',
    'AsExpected',
  ],
  /** Whether the node has what nftproxy needs. True: Passed, Warnings. */
  Preflight: ['Passed', 'Warnings', 'Blocking'],
  /** True: AsConfigured. */
  ConntrackConfigured: ['AsConfigured', 'SettingsFailed'],
  /**
   * Whether rules of kube-proxy's are in the kernel. True: Present, Draining, CleanupFailing, OthersUseThem. False:
   * NoneFound, CleanedUp.
   */
  KubeProxyRules: ['NoneFound', 'Present', 'Draining', 'CleanedUp', 'CleanupFailing', 'OthersUseThem'],
  /**
   * Whether established connections take the fast path; only where the ProxyConfig asks for it. True: InForce. False:
   * KernelLacksIt, ModeLacksIt.
   */
  FastPath: ['InForce', 'KernelLacksIt', 'ModeLacksIt'],
  /** Present and True only while Service ports go through a proxy, whose endpoints see the node as their client. */
  ClientAddressesHidden: ['ServedByProxy'],
  /** Present and True only while no config governs the node; the operator says it. */
  Uncovered: ['NoGoverningConfig', 'CleanupPending', 'CleaningUp', 'CleanedUp'],
} as const;

export type NodeConditionType = keyof typeof nodeConditionReasons;
export type NodeConditionReason<T extends NodeConditionType> = (typeof nodeConditionReasons)[T][number];
