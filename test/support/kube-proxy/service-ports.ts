import { isOf } from './objects.ts';
import type { IpFamily, ProxiedNode, ProxiedObjects, ProxiedPort, ProxiedService, ProxiedSlice } from './objects.ts';

export interface ProxiedEndpoint {
  readonly address: string;
  readonly port: number;
  readonly nodeName: string | undefined;
}

/** One port of one Service in one family, as far as kube-proxy's rules have it. */
export interface ServicePort {
  readonly namespace: string;
  readonly service: string;
  readonly portName: string;
  /** `namespace/service:port`, as comments have it. */
  readonly name: string;
  /** In small letters. */
  readonly protocol: string;
  readonly port: number;
  readonly nodePort: number | undefined;
  readonly clusterIP: string;
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  readonly sourceRanges: readonly string[];
  /** Seconds; undefined without session affinity. */
  readonly affinity: number | undefined;
  readonly externalLocal: boolean;
  readonly internalLocal: boolean;
  readonly healthCheckNodePort: number | undefined;
  readonly endpoints: readonly ProxiedEndpoint[];
  readonly localEndpoints: readonly ProxiedEndpoint[];
}

/** What there is to forward in a family. Of endpoints those that are ready count: this proxy knows no other rule. */
export function servicePorts(objects: ProxiedObjects, node: ProxiedNode, family: IpFamily): ServicePort[] {
  return [...objects.services].flatMap(([key, service]) => {
    const clusterIP = service.spec.clusterIPs?.find(isOf(family));
    if (clusterIP === undefined || clusterIP === 'None') return [];
    const slices = [...objects.slices].flatMap(([sliceKey, slice]) =>
      slice.addressType === `IPv${family}` && ownerOf(sliceKey, slice) === key ? [slice] : [],
    );
    return (service.spec.ports ?? []).map((port) => {
      const endpoints = slices.flatMap((slice) => endpointsIn(slice, port.name ?? ''));
      const localEndpoints = endpoints.filter(({ nodeName }) => nodeName === node.name);
      return {
        ...identity(key, port),
        ...addressesOf(service, family),
        ...policies(service),
        clusterIP,
        endpoints,
        localEndpoints,
      };
    });
  });
}

/** Whether it is reached at addresses other than the ClusterIP. */
export function isExternal({ nodePort, externalIPs, loadBalancerIPs }: ServicePort): boolean {
  return nodePort !== undefined || externalIPs.length + loadBalancerIPs.length > 0;
}

function ownerOf(sliceKey: string, { metadata }: ProxiedSlice): string {
  return `${sliceKey.split('/')[0] ?? ''}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`;
}

function endpointsIn(slice: ProxiedSlice, portName: string): ProxiedEndpoint[] {
  const port = slice.ports?.find(({ name }) => (name ?? '') === portName)?.port;
  if (port === undefined) return [];
  const ready = (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
  return ready.map(({ addresses, nodeName }) => ({ address: addresses[0] ?? '', port, nodeName }));
}

function identity(key: string, { name: portName = '', protocol = 'TCP', port, nodePort }: ProxiedPort) {
  const [namespace = '', service = ''] = key.split('/');
  const name = portName === '' ? key : `${key}:${portName}`;
  return { namespace, service, portName, name, protocol: protocol.toLowerCase(), port, nodePort };
}

function addressesOf({ spec, status }: ProxiedService, family: IpFamily) {
  const ingress = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  return {
    externalIPs: (spec.externalIPs ?? []).filter(isOf(family)),
    loadBalancerIPs: ingress.filter(isOf(family)),
    sourceRanges: (spec.loadBalancerSourceRanges ?? []).filter(isOf(family)),
  };
}

function policies({ spec }: ProxiedService) {
  const timeout = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800;
  return {
    affinity: spec.sessionAffinity === 'ClientIP' ? timeout : undefined,
    externalLocal: spec.externalTrafficPolicy === 'Local',
    internalLocal: spec.internalTrafficPolicy === 'Local',
    healthCheckNodePort: spec.healthCheckNodePort,
  };
}
