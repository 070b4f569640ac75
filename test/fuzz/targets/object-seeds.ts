import { algorithmAnnotation, weightAnnotation } from '../../../src/services/index.ts';
import type { Json } from '../engine/target.ts';

const metadata = (annotations: Record<string, string> = {}): Json => ({
  ...{ name: 'service', namespace: 'hostile', labels: {}, annotations, creationTimestamp: '2026-01-01T00:00:00Z' },
});

const slice = (addressType: string, endpoints: readonly Json[], annotations: Record<string, string> = {}): Json => ({
  metadata: { labels: { 'kubernetes.io/service-name': 'service' }, annotations },
  ...{ addressType, endpoints },
  ports: [
    { name: 'http', protocol: 'TCP', port: 8080 },
    { name: 'dns', protocol: 'UDP', port: 5353 },
  ],
});

const endpoint = (address: string, more: Record<string, Json> = {}): Json => ({
  ...{ addresses: [address], conditions: { ready: true, serving: true, terminating: false }, nodeName: 'node-1' },
  ...more,
});

const node: Json = {
  metadata: { labels: { 'topology.kubernetes.io/zone': 'a' } },
  spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24'], taints: [{ key: 'node.kubernetes.io/not-ready' }] },
  status: {
    addresses: [
      { type: 'InternalIP', address: '192.0.2.1' },
      { type: 'Hostname', address: 'node-1' },
    ],
  },
};

const ports: Json = [
  { name: 'http', protocol: 'TCP', port: 80, nodePort: 30080, appProtocol: 'kubernetes.io/h2c' },
  { name: 'dns', protocol: 'UDP', port: 53, nodePort: 30053 },
];

/** A Service with everything, one of both families, one with the annotations that we know. */
export const objectSeeds: readonly Json[] = [
  {
    service: {
      metadata: metadata(),
      spec: {
        ...{ type: 'LoadBalancer', clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports },
        ...{ externalIPs: ['198.51.100.1'], loadBalancerSourceRanges: ['203.0.113.0/24'], healthCheckNodePort: 31000 },
        ...{ internalTrafficPolicy: 'Cluster', externalTrafficPolicy: 'Local', sessionAffinity: 'ClientIP' },
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
      },
      status: { loadBalancer: { ingress: [{ ip: '198.51.100.2', ipMode: 'VIP' }] } },
    },
    slices: [slice('IPv4', [endpoint('10.244.0.1'), endpoint('10.244.1.1', { nodeName: 'node-2' })])],
    node,
  },
  {
    service: {
      metadata: metadata(),
      spec: { type: 'NodePort', clusterIPs: ['10.96.0.2', 'fd00:10::2'], ports, internalTrafficPolicy: 'Local' },
    },
    slices: [
      slice('IPv4', [endpoint('10.244.0.2', { hints: { forZones: [{ name: 'a' }] } })]),
      slice('IPv6', [endpoint('fd00:244::2', { conditions: { ready: false, serving: true, terminating: true } })]),
    ],
    node,
  },
  {
    service: {
      metadata: metadata({
        ...{ [algorithmAnnotation]: 'maglev', 'nftproxy.io/engine': 'userspace', 'nftproxy.io/hash-header': 'X-User' },
      }),
      spec: { type: 'ClusterIP', clusterIPs: ['10.96.0.3'], ports },
    },
    slices: [slice('IPv4', [endpoint('10.244.0.3')], { [weightAnnotation]: '3' })],
    node,
  },
];
