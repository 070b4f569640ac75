export { agentState } from './agent-state.ts';
export { Reporter } from './reporter.ts';
