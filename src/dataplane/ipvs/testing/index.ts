export { MemoryIpvs } from './memory-ipvs.ts';
