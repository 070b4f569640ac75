export { HealthCheckNodePorts } from './health-check-node-ports.ts';
export { LocalhostNodePorts } from './localhost-node-ports.ts';
export { NodeAddresses } from './node-addresses.ts';
