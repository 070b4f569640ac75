export type { Connection, TlsMaterial } from './connection.ts';
export { loadConnection } from './load-connection.ts';
