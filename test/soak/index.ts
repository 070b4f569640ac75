export { Soak } from './soak.ts';
export type { SoakOptions, SoakResult } from './soak.ts';
