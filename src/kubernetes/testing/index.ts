export type { Collection, StoredObject } from './collection.ts';
export { eventually } from './eventually.ts';
export type { Patience } from './eventually.ts';
export { failureOf } from './failure-of.ts';
export { FaultyServer } from './faulty-server.ts';
