export type { AgentDependencies } from './agent.ts';
export { NodeAgent } from './node-agent.ts';
export { parseAgentOptions } from './options.ts';
