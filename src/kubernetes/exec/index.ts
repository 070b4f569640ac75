export { execInPod } from './exec.ts';
export type { PodCommand } from './exec.ts';
