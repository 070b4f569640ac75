export { loadWeights } from './load-weights.ts';
export { slotsOf } from './port-slots.ts';
export { loadTable, maglevSlots } from './slots.ts';
export type { SlotTable } from './slots.ts';
