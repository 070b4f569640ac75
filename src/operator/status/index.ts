export { nodeReasons, reasons } from './reasons.ts';
export { StatusModule } from './status.module.ts';
export { RolloutReconciler } from './rollout-reconciler.ts';
