export { fastClock } from './fast-clock.ts';
export { ManualClock } from './manual-clock.ts';
