export { SyncRig } from './rig.ts';
