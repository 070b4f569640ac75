export { Cleaning } from './cleaning.ts';
export { NodeRig } from './node-rig.ts';
export type { NodeFacts, NodeObjects } from './node-rig.ts';
export { hasTable, modeUnderTest } from './mode.ts';
export { loadBalancer, service, slice } from './objects.ts';
export type { Pod } from './objects.ts';
export { ServiceRig } from './service-rig.ts';
export { addresses, nodePodCIDRs, NodeWorld } from './world.ts';
export type { Where } from './world.ts';
