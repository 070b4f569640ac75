export { ParkingModel } from './model.ts';
export type { Wish, Word } from './model.ts';
