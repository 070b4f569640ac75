export type { Share } from './assign-nodes.ts';
export { Assignments } from './assignments.ts';
export { countNodes, pendingReasons, progressOf } from './node-progress.ts';
export type { NodeProgress, Progress } from './node-progress.ts';
export { NodeReconciler } from './node-reconciler.ts';
export { plan } from './plan.ts';
export type { ConfigPlan, Plan, PlanInput } from './plan.ts';
export { withAgent } from './with-agent.ts';
export { RolloutModule } from './rollout.module.ts';
