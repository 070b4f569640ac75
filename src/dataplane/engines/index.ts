export type { Engine, EngineServer, EngineServerName, Repair } from './engine.ts';
export { nameText } from './engine.ts';
export { EngineDataPlane } from './engine-data-plane.ts';
