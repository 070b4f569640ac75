export type { AgentDependencies } from './agent.ts';
export { desiredOnce } from './desired-once.ts';
export type { DesiredOnce } from './desired-once.ts';
export { NodeAgent } from './node-agent.ts';
export { nodeNameOf, parseAgentOptions } from './options.ts';
