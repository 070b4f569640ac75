export {
  claimTable,
  connectionCounts,
  definitionOf,
  KernelTable,
  loadUnit,
  protocols,
  trace,
} from './nftables/index.ts';
export type {
  Applied,
  DesiredPort,
  LoadWeights,
  LocalDetector,
  NodeSettings,
  Outcome,
  Packet,
  Quarantined,
  TableView,
} from './nftables/index.ts';
