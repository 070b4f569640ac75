export { Agent } from './agent.ts';
export type { AgentDependencies } from './agent.ts';
export { ConntrackCleaner, conntrackTable, trackedPort } from './conntrack/index.ts';
export type { Tracked } from './conntrack/index.ts';
export { parseAgentOptions } from './options.ts';
