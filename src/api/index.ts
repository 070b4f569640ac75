export { conditionOf, nextCondition, shorten } from './conditions.ts';
export {
  agentFieldManager,
  apiVersion,
  configLabel,
  group,
  operatorFieldManager,
  proxyConfigKind,
  proxyConfigPlural,
  proxyNodeStateKind,
  proxyNodeStatePlural,
  version,
} from './constants.ts';
export { defaultPriority, withDefaults } from './defaults.ts';
export { durationSeconds } from './duration.ts';
export { maximumFailedNodes, maximumNodeMessage } from './limits.ts';
export { canonicalJson, revisionOf } from './revision.ts';
export { algorithms, maglevTableSizes, modes } from './types.ts';
export type {
  Algorithm,
  Condition,
  ConntrackSettings,
  EffectiveConfig,
  LabelSelector,
  LabelSelectorRequirement,
  Metadata,
  Mode,
  NodeCounts,
  ProxyConfig,
  ProxyConfigSpec,
  ProxyConfigStatus,
  ProxyNodeState,
  ProxyNodeStateStatus,
  ProxySettings,
} from './types.ts';
