import type { EndpointSliceObject, Family, ServiceObject } from '../../src/services/index.ts';
import { addresses } from './rig.ts';

type Spec = NonNullable<ServiceObject['spec']>;

/** A Service with port 80 for TCP and UDP on the ClusterIPs of both families. */
export function service(spec: Partial<Spec> = {}, ingress: readonly { ip: string }[] = []): ServiceObject {
  return {
    metadata: { creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      type: 'ClusterIP',
      clusterIP: addresses[4].clusterIP,
      clusterIPs: [addresses[4].clusterIP, addresses[6].clusterIP],
      ports: [
        { name: 'tcp', protocol: 'TCP', port: 80 },
        { name: 'udp', protocol: 'UDP', port: 80 },
        { name: 'sctp', protocol: 'SCTP', port: 80 },
      ],
      ...spec,
    },
    status: { loadBalancer: { ingress } },
  };
}

/** Like `service`, of type LoadBalancer: NodePort 30080, load-balancer and external addresses in both families. */
export function loadBalancer(spec: Partial<Spec> = {}): ServiceObject {
  return service(
    {
      type: 'LoadBalancer',
      ports: [
        { name: 'tcp', protocol: 'TCP', port: 80, nodePort: 30080 },
        { name: 'udp', protocol: 'UDP', port: 80, nodePort: 30080 },
        { name: 'sctp', protocol: 'SCTP', port: 80, nodePort: 30080 },
      ],
      externalIPs: [addresses[4].externalIP, addresses[6].externalIP],
      ...spec,
    },
    [{ ip: addresses[4].loadBalancerIP }, { ip: addresses[6].loadBalancerIP }],
  );
}

/** The endpoints that run in the rig. */
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
  return {
    metadata: { labels: { 'kubernetes.io/service-name': name } },
    addressType: family === 4 ? 'IPv4' : 'IPv6',
    ports: (['tcp', 'udp', 'sctp'] as const).map((protocol) => ({
      name: protocol,
      protocol: protocol.toUpperCase(),
      port: 8080,
    })),
    endpoints: pods.map((pod) => ({
      addresses: [addresses[family][pod]],
      nodeName: pod === 'localPod' ? 'node-1' : 'node-2',
      conditions,
    })),
  };
}
