export { conditionOf } from './conditions.ts';
export type { AgentCounts } from './config-status.ts';
export { reasons } from './reasons.ts';
export { StatusReconciler } from './status-reconciler.ts';
