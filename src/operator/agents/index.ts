export { AgentsReconciler } from './agents-reconciler.ts';
export { parseHostPort } from './api-server-address.ts';
export type { HostPort, SliceAddresses } from './api-server-address.ts';
export { agentCountsOf, agentName } from './daemon-set.ts';
export type { RawDaemonSet } from './daemon-set.ts';
