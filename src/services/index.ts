export { algorithmAnnotation, ipvsSchedulers, kubeRouterAnnotation } from './algorithms.ts';
export type { AlgorithmName, Sameness } from './algorithms.ts';
export type { ServicesConfig } from './compose.ts';
export { weightAnnotation } from './endpoint-slice.ts';
export { ForwardingState, zoneLabel } from './forwarding-state.ts';
export type { Change } from './change.ts';
export type { ServicesStats } from './forwarding-state.ts';
export type { HealthCheckNodePort } from './health-check.ts';
export type {
  EndpointObject,
  EndpointPortObject,
  EndpointSliceObject,
  Maybe,
  NodeObject,
  ServiceObject,
  ServicePortSpec,
} from './objects.ts';
export type { ProblemChange } from './problem-book.ts';
export { reasons } from './reasons.ts';
export type { Reason } from './reasons.ts';
export { algorithms } from './types.ts';
export type {
  Algorithm,
  Endpoint,
  EngineName,
  Family,
  Frontend,
  Problem,
  Protocol,
  ServicePort,
  TrafficPolicy,
} from './types.ts';
