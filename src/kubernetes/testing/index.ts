export type { Collection, StoredObject } from './collection.ts';
export { eventually } from './eventually.ts';
export { fastClock } from './fast-clock.ts';
export { FaultyServer } from './faulty-server.ts';
