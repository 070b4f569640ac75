export type { Collection, StoredObject } from './collection.ts';
export { eventually } from './eventually.ts';
export type { Patience } from './eventually.ts';
export { FaultyServer } from './faulty-server.ts';
