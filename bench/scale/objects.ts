import type { Json, KubeObject, ManagedFieldsEntry } from '../../test/apiserver/index.ts';
import { nodeObject } from '../../test/support/index.ts';

/** How big a cluster is. */
export interface Size {
  readonly services: number;
  /** Of each Service. */
  readonly endpoints: number;
}

export type Protocol = 'TCP' | 'UDP';

/** Nodes over which the endpoints are spread; `thisNode` is one of them. */
const nodes = 100;
export const thisNode = 'node-1';
export const servicePort = 80;
export const targetPort = 8080;
const namespace = 'default';

/** ClusterIP of Service number 0…65,000: out of 10.96.0.0/16, the default of the API server. */
export function clusterIp(service: number): string {
  return `10.96.${(service >> 8) + 1}.${service & 255}`;
}

/** Address of pod number 0…4,000,000. */
export function podAddress(pod: number): string {
  return `10.${128 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`;
}

/** All pods are in here, and the Services are not. */
export const podRange = '10.128.0.0/9';

export function sliceName(service: number): string {
  return `service-${service}-x7k2p`;
}

/** The endpoints of one slice. `first` replaces the address of the first one. */
export function endpointsOf(service: number, count: number, first?: string): Json[] {
  return Array.from({ length: count }, (_, index) => {
    const pod = service * count + index;
    const address = index === 0 && first !== undefined ? first : podAddress(pod);
    const name = `service-${service}-6d5f7c8b9-${pod.toString(36).padStart(5, '0')}`;
    return {
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${(pod % nodes) + 1}`,
      targetRef: { kind: 'Pod', namespace, name, uid: uid(2, pod) },
      zone: `zone-${pod % 3}`,
    };
  });
}

/** What the API server holds besides what it has from the start, as real objects look: managed fields and all. */
export function* clusterObjects(size: Size, protocol: Protocol): Generator<KubeObject> {
  const labels = { 'kubernetes.io/hostname': thisNode };
  yield nodeObject(thisNode, { labels, podCIDRs: ['10.128.0.0/24'], internalIPs: ['172.29.1.2'] });
  for (let service = 0; service < size.services; service++) {
    yield serviceObject(service, protocol);
    yield sliceObject(service, size.endpoints, protocol);
  }
}

function serviceObject(service: number, protocol: Protocol): KubeObject {
  const app = `service-${service}`;
  const ip = clusterIp(service);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: app,
      namespace,
      uid: uid(1, service),
      labels: { app },
      managedFields: managedFields('kubectl-client-side-apply'),
    },
    spec: {
      type: 'ClusterIP',
      selector: { app },
      clusterIP: ip,
      clusterIPs: [ip],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      ports: [{ name: 'http', protocol, port: servicePort, targetPort }],
    },
    status: { loadBalancer: {} },
  };
}

function sliceObject(service: number, endpoints: number, protocol: Protocol): KubeObject {
  const app = `service-${service}`;
  const managedBy = 'endpointslice-controller.k8s.io';
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: sliceName(service),
      namespace,
      labels: { app, 'kubernetes.io/service-name': app, 'endpointslice.kubernetes.io/managed-by': managedBy },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: app, uid: uid(1, service), controller: true }],
      managedFields: managedFields('kube-controller-manager'),
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol, port: targetPort }],
    endpoints: endpointsOf(service, endpoints),
  };
}

function managedFields(manager: string): ManagedFieldsEntry[] {
  const labels = { '.': {}, 'f:app': {}, 'f:kubernetes.io/service-name': {} };
  const fieldsV1 = { 'f:metadata': { 'f:labels': labels }, 'f:endpoints': {}, 'f:ports': {}, 'f:spec': {} };
  return [
    { manager, operation: 'Update', apiVersion: 'v1', time: '2026-01-01T00:00:00Z', fieldsType: 'FieldsV1', fieldsV1 },
  ];
}

function uid(kind: number, number: number): string {
  return `00000000-0000-4000-800${kind}-${number.toString(16).padStart(12, '0')}`;
}
