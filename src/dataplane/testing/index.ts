export { dataPlaneContract } from './contract.ts';
export type { ContractHost } from './contract.ts';
export { MemoryDataPlane, MemoryKernel } from './memory-data-plane.ts';
export { byId, plainNode, servicePort } from './ports.ts';
