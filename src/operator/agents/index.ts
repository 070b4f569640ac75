export { AgentsModule } from './agents.module.ts';
export { AgentsReconciler } from './agents-reconciler.ts';
