export { LoadFollower } from './load-follower.ts';
export { Sync } from './sync.ts';
export type { SyncResult } from './sync.ts';
