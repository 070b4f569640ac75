export { NodePreflight } from './node-preflight.ts';
export type { NodeLooks } from './node-preflight.ts';
