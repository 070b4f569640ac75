export { FakeConntrackTable } from './fake-connections.ts';
export type { Target } from './fake-connections.ts';
