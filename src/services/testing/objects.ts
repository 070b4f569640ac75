import type { EndpointObject, EndpointSliceObject, ServiceObject } from '../objects.ts';

/** Well-formed objects for tests: give what the story is about, the rest is the simplest that works. */

type ServiceSpec = NonNullable<ServiceObject['spec']>;

interface ServiceParts extends ServiceSpec {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly created?: string;
  readonly ingress?: readonly { readonly ip?: string; readonly ipMode?: string; readonly hostname?: string }[];
}

/** A ClusterIP Service on 10.96.0.1 with one TCP port 80 without a name. */
export function service(parts: ServiceParts = {}): ServiceObject {
  const { labels = {}, annotations = {}, created = '2026-01-01T00:00:00Z', ingress = [], ...spec } = parts;
  return {
    metadata: { labels, annotations, creationTimestamp: created },
    spec: { type: 'ClusterIP', clusterIPs: ['10.96.0.1'], ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    status: { loadBalancer: { ingress } },
  };
}

type SliceParts = Omit<EndpointSliceObject, 'metadata' | 'endpoints'> & {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};

/**
 * An IPv4 EndpointSlice with one TCP port 8080 without a name.
 * @param name of the Service
 * @param endpoints an address, or an endpoint with whatever the story needs
 */
export function slice(
  name: string,
  endpoints: readonly (string | EndpointObject)[],
  parts: SliceParts = {},
): EndpointSliceObject {
  const { labels = {}, annotations = {}, ...rest } = parts;
  return {
    metadata: { labels: { 'kubernetes.io/service-name': name, ...labels }, annotations },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map((one) => (typeof one === 'string' ? { addresses: [one] } : one)),
    ...rest,
  };
}
