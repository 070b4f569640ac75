export type { ConntrackEntry, ConntrackFilter, ConntrackTuple } from './entry.ts';
export { ConntrackSocket } from './socket.ts';
