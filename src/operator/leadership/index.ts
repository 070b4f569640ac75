export { ELECTION, leaseName } from './election.ts';
export { Leadership } from './leadership.ts';
export { LeadershipModule } from './leadership.module.ts';
export { TermMetrics } from './term-metrics.ts';
export { Terms } from './terms.ts';
