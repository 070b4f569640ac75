export { AgentTemplate } from './agent-template.ts';
export { AgentsModule } from './agents.module.ts';
export { AgentsReconciler } from './agents-reconciler.ts';
export { admits } from './placement.ts';
