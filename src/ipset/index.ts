export { IpSets } from './socket.ts';
