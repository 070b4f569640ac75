export { worst } from './finding.ts';
export type { Finding } from './finding.ts';
export { preflight } from './preflight.ts';
