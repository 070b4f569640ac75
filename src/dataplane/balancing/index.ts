export { loadTable, maglevSlots, weightedTable } from './slots.ts';
export type { SlotTable } from './slots.ts';
