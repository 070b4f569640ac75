export { endpointName, evenOut, loadWeights, refreshWeights } from './balancing/index.ts';
export type { FollowedPort } from './balancing/index.ts';
export { addWritten, nothingWritten } from './data-plane.ts';
export type {
  Applied,
  Changes,
  ConnectionCount,
  DataPlane,
  DesiredPort,
  EngineServing,
  EngineTargetState,
  Explanation,
  Fallback,
  FastPathState,
  FrontendAddress,
  Integrity,
  LatencyHistogram,
  LoadWeights,
  LocalDetector,
  NodeSettings,
  Packet,
  Preview,
  RequestCount,
  PreviewedChains,
  PreviewedElement,
  PreviewedSet,
  Refusal,
  ServedCounts,
  Started,
  Written,
} from './data-plane.ts';
export { iptablesObstacle } from './iptables/index.ts';
export { dataPlaneFactories } from './modes.ts';
export type { DataPlaneFactories } from './modes.ts';
export { servicesPriority, tableName } from './nftables/index.ts';
export { removeAll } from './remove-all.ts';
export { RunningDataPlane } from './running-data-plane.ts';
