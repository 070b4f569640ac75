export { refreshWeights } from './load-refresh.ts';
export type { FollowedPort } from './load-refresh.ts';
export { loadTable } from './load-table.ts';
export { evenOut, loadWeights } from './load-weights.ts';
export { slotCount, slotsOf } from './port-slots.ts';
export { endpointName, maglevSlots } from './slots.ts';
export type { SlotTable } from './slots.ts';
