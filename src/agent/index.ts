export { Agent } from './agent.ts';
export type { AgentDependencies } from './agent.ts';
export { parseAgentOptions } from './options.ts';
