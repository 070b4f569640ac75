export { ConfigFile } from './configuration-file.ts';
export type { AssignedConfig } from './configuration-file.ts';
export { nodeSettings } from './node-settings.ts';
export { Sources } from './sources.ts';
export type { NodeState } from './sources.ts';
