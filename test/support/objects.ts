import { service, slice } from '../../src/services/testing/index.ts';

/*
 * Kubernetes objects as an API server takes them: those of the tests of src/services with a name and a kind. Give what
 * the story is about, the rest is the simplest that works.
 */

/** Where everything lives that has a namespace, unless a test says otherwise. */
export const defaultNamespace = 'default';

type ServiceParts = NonNullable<Parameters<typeof service>[0]>;
type SliceEndpoints = Parameters<typeof slice>[1];
type SliceParts = NonNullable<Parameters<typeof slice>[2]>;

/** A Service with one TCP port 80 without a name; its ClusterIPs are left to the API server unless given. */
export function serviceObject(name: string, parts: ServiceParts = {}) {
  const { metadata, spec, status } = service({ clusterIPs: [], ...parts });
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...metadata, name, namespace: defaultNamespace },
    spec: { ...spec },
    status: { ...status },
  };
}

/** An IPv4 EndpointSlice of a Service with one TCP port 8080 without a name. */
export function sliceObject(name: string, ofService: string, endpoints: SliceEndpoints, parts: SliceParts = {}) {
  const { metadata, ...content } = slice(ofService, endpoints, parts);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, name, namespace: defaultNamespace },
    ...content,
  };
}

/** What a test says of a node. */
export interface NodeParts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly podCIDRs?: readonly string[];
  readonly internalIPs?: readonly string[];
}

/** A Node; an API server takes its status by the subresource only. */
export function nodeObject(name: string, { labels = {}, podCIDRs = [], internalIPs = [] }: NodeParts = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { ...labels } },
    spec: { podCIDRs: [...podCIDRs] },
    status: { addresses: internalIPs.map((address) => ({ type: 'InternalIP', address })) },
  };
}

/** A ProxyConfig, `default` unless it has another name. */
export function proxyConfigObject(spec: object, name = 'default') {
  return { apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyConfig', metadata: { name }, spec };
}
