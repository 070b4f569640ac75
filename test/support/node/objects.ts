import type { EndpointSliceObject, Family, ServiceObject } from '../../../src/services/index.ts';
import { serviceObject, sliceObject } from '../objects.ts';
import { addresses } from './world.ts';

type Spec = NonNullable<ServiceObject['spec']>;

const protocols = ['tcp', 'udp', 'sctp'] as const;

/** A Service with port 80 for TCP, UDP and SCTP on the ClusterIPs of both families. */
export function service(spec: Partial<Spec> = {}, ingress: readonly { ip: string }[] = []): ServiceObject {
  return serviceObject('web', {
    clusterIP: addresses[4].clusterIP,
    clusterIPs: [addresses[4].clusterIP, addresses[6].clusterIP],
    ports: protocols.map((name) => ({ name, protocol: name.toUpperCase(), port: 80 })),
    ...spec,
    ingress,
  });
}

/** Like `service`, of type LoadBalancer: NodePort 30080, load-balancer and external addresses in both families. */
export function loadBalancer(spec: Partial<Spec> = {}): ServiceObject {
  return service(
    {
      type: 'LoadBalancer',
      ports: protocols.map((name) => ({ name, protocol: name.toUpperCase(), port: 80, nodePort: 30080 })),
      externalIPs: [addresses[4].externalIP, addresses[6].externalIP],
      ...spec,
    },
    [{ ip: addresses[4].loadBalancerIP }, { ip: addresses[6].loadBalancerIP }],
  );
}

/** The endpoints that run in a `NodeWorld`. */
export type Pod = 'localPod' | 'remotePod';

interface Conditions {
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
}

/** A slice for the Service `name`. */
export function slice(
  name: string,
  family: Family,
  pods: readonly Pod[],
  conditions: Conditions = { ready: true, serving: true, terminating: false },
): EndpointSliceObject {
  const endpoints = pods.map((pod) => ({
    addresses: [addresses[family][pod]],
    nodeName: pod === 'localPod' ? 'node-1' : 'node-2',
    conditions,
  }));
  return sliceObject(`${name}-${family}`, name, endpoints, {
    addressType: family === 4 ? 'IPv4' : 'IPv6',
    ports: protocols.map((protocol) => ({ name: protocol, protocol: protocol.toUpperCase(), port: 8080 })),
  });
}
