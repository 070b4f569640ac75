export { endpointAddress, flowsOf, serviceAddress } from './objects.ts';
export { queuesUnder } from './queues.ts';
export type { Load, Queues } from './queues.ts';
export { Rig } from './rig.ts';
export { sumOf } from './statistics.ts';
