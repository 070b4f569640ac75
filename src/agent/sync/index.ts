export { DesiredState } from './desired-state.ts';
export type { EndpointTrigger } from './desired-state.ts';
export { LoadFollower } from './load-follower.ts';
export type { Quarantine, Quarantined } from './quarantine.ts';
export { connect, targetsOf, Trial } from './trial/index.ts';
export { SyncLoop } from './sync-loop.ts';
export type { Synced, SyncFailed, SyncObserver } from './sync-loop.ts';
export { Sync } from './sync.ts';
export type { PortChange, SyncResult } from './sync.ts';
