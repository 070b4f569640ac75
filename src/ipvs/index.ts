export { IpvsSocket } from './socket.ts';
export type { IpvsOperation } from './operation.ts';
export type { Destination, DestinationState, VirtualServer, VirtualServerName } from './virtual-server.ts';
