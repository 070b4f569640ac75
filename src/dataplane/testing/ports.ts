import type { ServicePort } from '../../services/index.ts';
import type { DesiredPort, NodeSettings } from '../data-plane.ts';

/** A node without pods' ranges or NodePorts of its own. */
export const plainNode: NodeSettings = {
  detectors: {},
  masqueradeAll: false,
  nodePortAddresses: [],
  localSources: [],
  serviceCIDRs: ['10.96.0.0/16'],
};

/** TCP Service number `number`: ClusterIP 10.96.0.N, port 80, with these endpoints at port 8080. */
export function servicePort(
  number: number,
  addresses: readonly string[] = ['10.244.0.1'],
  more: Partial<ServicePort> = {},
): DesiredPort {
  const endpoints = addresses.map((address) => ({ address, port: 8080, local: false, weight: 1 }));
  return {
    port: {
      id: `default/service-${number}:/tcp/4`,
      namespace: 'default',
      name: `service-${number}`,
      portName: '',
      protocol: 'tcp',
      family: 4,
      frontends: [{ kind: 'ClusterIP', address: `10.96.0.${number}`, port: 80, policy: 'Cluster' }],
      clusterEndpoints: endpoints,
      localEndpoints: [],
      otherServingEndpoints: [],
      hasAnyEndpoints: endpoints.length > 0,
      algorithm: 'random',
      ...more,
    },
  };
}

/** Service ports by id, as `start` and `apply` take them. */
export function byId(ports: readonly DesiredPort[]): Map<string, DesiredPort> {
  return new Map(ports.map((desired) => [desired.port.id, desired]));
}
