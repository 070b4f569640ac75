export type { ConntrackEntry, ConntrackFilter, ConntrackTuple } from './entry.ts';
export type { ConntrackOccupancy } from './occupancy.ts';
export { ConntrackSocket } from './socket.ts';
