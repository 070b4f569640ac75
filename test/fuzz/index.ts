export { loadProgram } from './engine/build.ts';
export type { Program } from './engine/build.ts';
export { fuzz } from './engine/campaign.ts';
export type { Fault, Options, Outcome } from './engine/campaign.ts';
export type { Target } from './engine/target.ts';
