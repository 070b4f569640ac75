export { loadConnection } from './connection.ts';
export type { Connection, TlsMaterial } from './connection.ts';
