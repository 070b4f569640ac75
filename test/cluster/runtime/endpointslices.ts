import { isDeepStrictEqual } from 'node:util';
import { controllerReference, isFinished, isReady, isTerminating, keyOf, matchesLabels } from './objects.ts';
import type { Container, Endpoint, EndpointSlice, Node, Pod, Service, ServicePort } from './objects.ts';

const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
export const managedBy = 'endpointslice-controller.cluster.nftproxy.test';

/** The EndpointSlices that a Service with a selector should have: one a family. A Service without selector has none. */
export function desiredSlices(
  service: Service,
  pods: readonly Pod[],
  nodes: ReadonlyMap<string, Node>,
  now: string,
): EndpointSlice[] {
  const { selector, ipFamilies = ['IPv4'], type } = service.spec;
  if (selector === undefined || type === 'ExternalName') return [];
  const selected = pods
    .filter(
      (pod) => pod.metadata.namespace === service.metadata.namespace && matchesLabels(selector, pod.metadata.labels),
    )
    .filter((pod) => !isFinished(pod) && pod.status?.podIPs !== undefined)
    .toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)));
  return ipFamilies.map((family) => ({
    ...sliceFor(service, family, now),
    endpoints: selected.flatMap((pod) => endpointOf(pod, service, family, nodes)),
    ports: portsOf(service, selected),
  }));
}

/** All of a slice but what follows from the pods. */
function sliceFor(service: Service, family: 'IPv4' | 'IPv6', now: string): Omit<EndpointSlice, 'endpoints' | 'ports'> {
  const { name, namespace } = service.metadata;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${family.toLowerCase()}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': managedBy },
      annotations: { [triggerTimeAnnotation]: now },
      ownerReferences: [controllerReference(service, 'v1', 'Service')],
    },
    addressType: family,
  };
}

function endpointOf(pod: Pod, service: Service, family: 'IPv4' | 'IPv6', nodes: ReadonlyMap<string, Node>): Endpoint[] {
  const address = pod.status?.podIPs?.find(({ ip }) => ip.includes(':') === (family === 'IPv6'))?.ip;
  if (address === undefined) return [];
  return [
    {
      addresses: [address],
      conditions: conditionsOf(pod, service),
      ...placeOf(pod, nodes),
      targetRef: referenceTo(pod),
    },
  ];
}

function conditionsOf(pod: Pod, service: Service): Endpoint['conditions'] {
  const serving = isReady(pod);
  const terminating = isTerminating(pod);
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  return { ready, serving, terminating };
}

function placeOf(pod: Pod, nodes: ReadonlyMap<string, Node>): Pick<Endpoint, 'nodeName' | 'zone'> {
  const { nodeName } = pod.spec;
  if (nodeName === undefined) return {};
  const zone = nodes.get(nodeName)?.metadata.labels?.['topology.kubernetes.io/zone'];
  return zone === undefined ? { nodeName } : { nodeName, zone };
}

function referenceTo(pod: Pod): NonNullable<Endpoint['targetRef']> {
  const { name, namespace = 'default', uid } = pod.metadata;
  return { kind: 'Pod', namespace, name, ...(uid === undefined ? {} : { uid }) };
}

/** The ports of a slice; a port whose name no pod knows is left out, as the real controller does. */
function portsOf(service: Service, pods: readonly Pod[]): EndpointSlice['ports'] {
  const containers = pods.flatMap((pod) => pod.spec.containers);
  return (service.spec.ports ?? []).flatMap((port) => {
    const target = targetPort(port, containers);
    if (target === undefined) return [];
    const appProtocol = port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol };
    return [{ name: port.name ?? '', port: target, protocol: port.protocol ?? 'TCP', ...appProtocol }];
  });
}

function targetPort(port: ServicePort, containers: readonly Container[]): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target;
  const ports = containers.flatMap((container) => container.ports ?? []);
  return ports.find(({ name, protocol = 'TCP' }) => name === target && protocol === (port.protocol ?? 'TCP'))
    ?.containerPort;
}

/** Whether two slices say the same to a service proxy (metadata apart). The server may order fields as it likes. */
export function sameContent(a: EndpointSlice, b: EndpointSlice): boolean {
  return isDeepStrictEqual(content(a), content(b));
}

function content(slice: EndpointSlice): unknown {
  // An empty list comes back from a real API server as null.
  const lists = slice as { endpoints: EndpointSlice['endpoints'] | null; ports: EndpointSlice['ports'] | null };
  return [slice.addressType, lists.endpoints ?? [], lists.ports ?? []];
}
