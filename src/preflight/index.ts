export { worst } from './finding.ts';
export type { Finding, Outcome } from './finding.ts';
export { iptablesFindings } from './iptables.ts';
export { kernelFindings } from './kernel.ts';
export type { Wanted } from './node.ts';
export { modeFindings, nodeFindings, preflight } from './preflight.ts';
