export { reasons } from './reasons.ts';
export { StatusModule } from './status.module.ts';
export { StatusReconciler } from './status-reconciler.ts';
