export { apply } from './apply.ts';
export { after, emptyCluster, history } from './arbitraries.ts';
export type { Event } from './arbitraries.ts';
export { expectedState } from './oracle.ts';
export type { Cluster } from './oracle.ts';
export { expectedOutcome, nodeAddresses, outcomeOf, packetOf, visits, visitText } from './outcome.ts';
