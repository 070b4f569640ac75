export { sharesOf, winnerOf } from './assign-nodes.ts';
export type { Share } from './assign-nodes.ts';
export { countNodes, nodeProgress } from './node-progress.ts';
export type { NodeProgress } from './node-progress.ts';
export { NodeReconciler } from './node-reconciler.ts';
export type { View } from './node-reconciler.ts';
export { nodeStateFor } from './node-state.ts';
export type { OwnedNodeState } from './node-state.ts';
