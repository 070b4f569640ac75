export { Busiest } from './busiest.ts';
export { doubtOf } from './doubt.ts';
export { NodeLease } from './node-lease.ts';
export { agentState, servesEverything, settingsFault } from './agent-state.ts';
export { ProblemReporter } from './problem-reporter.ts';
export { RefusalReporter } from './refusal-reporter.ts';
export { noConfiguration } from './status.ts';
export type { AgentState } from './status.ts';
export { Reporter } from './reporter.ts';
