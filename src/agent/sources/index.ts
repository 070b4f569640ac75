export { Assignment } from './assignment.ts';
export type { Assigned } from './assignment.ts';
export { ConfigurationFile } from './configuration-file.ts';
export type { AssignedConfig } from './configuration-file.ts';
export { nodeViewOf } from './node-view.ts';
export type { NodeView } from './node-view.ts';
export { Sources } from './sources.ts';
export type { SourceHandler } from './sources.ts';
export type { WatchStatistics } from './watch-statistics.ts';
