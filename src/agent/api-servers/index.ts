export { KnownServers } from './known-servers.ts';
