export { effectiveAgent, tolerateEverything, amountOf } from './agent-settings.ts';
export type { AgentSettings, EffectiveAgent, TaintEffect, Toleration } from './agent-settings.ts';
export { conditionOf, nextCondition, rfc3339 } from './conditions.ts';
export {
  agentContainer,
  agentFieldManager,
  agentLabels,
  agentSilent,
  apiVersion,
  configLabel,
  crdVersionAnnotation,
  defaultNamespace,
  group,
  kubeProxyLabel,
  operatorFieldManager,
  proxyConfigKind,
  proxyConfigPlural,
  proxyNodeStateKind,
  proxyNodeStatePlural,
  version,
} from './constants.ts';
export { defaultPriority, defaultScheduler, effectiveRollout, rolloutDefaults, withDefaults } from './defaults.ts';
export type { EffectiveRollout } from './defaults.ts';
export { durationSeconds } from './duration.ts';
export { maximumBusiest, maximumNamedNodes, maximumNodeMessage } from './limits.ts';
export { nodeConditionReasons } from './node-reasons.ts';
export type { NodeConditionReason, NodeConditionType } from './node-reasons.ts';
export { byRank } from './rank.ts';
export { canonicalJson, contentHash, revisionOf } from './revision.ts';
export { printable, shorten } from './text.ts';
export { algorithms, detectLocalModes, maglevTableSizes, modes, schedulers } from './types.ts';
export type {
  Algorithm,
  BusiestServicePorts,
  Condition,
  ConntrackSettings,
  EffectiveConfig,
  FailedNode,
  KubeProxyStatus,
  NamedNode,
  LabelSelector,
  LabelSelectorRequirement,
  Metadata,
  Mode,
  NodeAssignment,
  NodeCleanup,
  NodeCounts,
  NodeRollout,
  ProxyConfig,
  ProxyConfigSpec,
  ProxyConfigStatus,
  ProxyNodeState,
  ProxyNodeStateSpec,
  ProxyNodeStateStatus,
  ProxySettings,
  RolloutPhase,
  RolloutStatus,
  Scheduler,
  ServedBy,
  ServicePortConnections,
} from './types.ts';
