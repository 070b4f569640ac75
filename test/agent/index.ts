export { AgentRig } from './agent-rig.ts';
