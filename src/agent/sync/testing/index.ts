export { nodeSettings } from '../node-settings.ts';
export { SyncRig } from './rig.ts';
