export { ask, EngineRig } from './engine-rig.ts';
export { MemoryIpvs } from './memory-ipvs.ts';
