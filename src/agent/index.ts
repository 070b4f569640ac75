export { Agent } from './agent.ts';
export { tracked, trackedPort } from './node-services.ts';
export type { Tracked } from './node-services.ts';
export type { ConnectionCount } from './observe/index.ts';
export { agentUsage, parseAgentOptions } from './options.ts';
