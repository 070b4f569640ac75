export type { Share } from './assign-nodes.ts';
export { Assignment } from './assignment.ts';
export { countNodes, nodeProgress } from './node-progress.ts';
export type { NodeProgress } from './node-progress.ts';
export { NodeReconciler } from './node-reconciler.ts';
export { nodeStateFor } from './node-state.ts';
export { RolloutModule } from './rollout.module.ts';
