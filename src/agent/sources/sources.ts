import { ApiError, Reflector, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient, KubernetesObject } from '../../kubernetes/index.ts';
import type { EndpointObject, EndpointSliceObject, Maybe, ServiceObject } from '../../services/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { serviceCIDRsOf } from './networks.ts';
import { nodeViewOf } from './node-view.ts';
import type { NodeView } from './node-view.ts';
import { watchStatistics } from './watch-statistics.ts';
import type { WatchStatistics } from './watch-statistics.ts';

/** Receives what the API server says. Keys are `namespace/name`; undefined means the object is gone. */
export interface SourceHandler {
  service(key: string, service: ServiceObject | undefined): void;
  endpointSlice(key: string, slice: EndpointSliceObject | undefined): void;
  node(node: NodeView | undefined): void;
  serviceCIDRs(cidrs: readonly string[]): void;
}

/**
 * The forwarding state keeps its own form of a Service or EndpointSlice: hundreds of thousands of endpoints should not
 * be in memory twice.
 */
const keep = 'versions';

const withoutProxyName = '!service.kubernetes.io/service-proxy-name';
const withoutHeadless = `${withoutProxyName},!service.kubernetes.io/headless`;

/** The watches an agent lives on. What is not for this proxy is filtered at the API server. */
export class Sources {
  readonly services: Reflector<ServiceObject>;
  readonly endpointSlices: Reflector<EndpointSliceObject>;
  readonly node: Reflector<NodeView>;
  readonly serviceCIDRs: Reflector<readonly string[]>;
  /** Settles when the API server has answered that it will not list ServiceCIDRs. */
  readonly #noServiceCIDRs: Promise<void>;

  constructor(o: { client: ApiClient; nodeName: string; handler: SourceHandler; log: Logger }) {
    const { client, nodeName, handler, log } = o;
    const leftOut =
      (kind: string, { metadata: { name } }: KubernetesObject) =>
      (error: string): void =>
        log.warn('a network is left out', { kind, name, error });
    const onError =
      (name: string) =>
      (error: Error, { retryInMilliseconds }: { retryInMilliseconds: number }): void => {
        log.warn('cannot follow the API server; trying again', {
          resource: name,
          error,
          retryInMilliseconds,
        });
      };
    this.services = new Reflector<ServiceObject>({
      name: 'services',
      client,
      path: resourcePath({ version: 'v1', plural: 'services' }),
      labelSelector: withoutProxyName,
      fieldSelector: 'spec.clusterIP!=None',
      transform: trimService,
      keep,
      handler: { changed: (key, service) => handler.service(key, service) },
      onError: onError('services'),
    });
    this.endpointSlices = new Reflector<EndpointSliceObject>({
      name: 'endpointslices',
      client,
      path: resourcePath({ group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' }),
      labelSelector: withoutHeadless,
      transform: trimSlice,
      keep,
      handler: { changed: (key, slice) => handler.endpointSlice(key, slice) },
      onError: onError('endpointslices'),
    });
    this.node = new Reflector<NodeView>({
      name: 'nodes',
      client,
      path: resourcePath({ version: 'v1', plural: 'nodes' }),
      fieldSelector: `metadata.name=${nodeName}`,
      transform: (raw) => nodeViewOf(raw, leftOut('Node', raw)),
      handler: { changed: (_key, node) => handler.node(node) },
      onError: onError('nodes'),
    });
    const refused = Promise.withResolvers<undefined>();
    this.#noServiceCIDRs = refused.promise;
    this.serviceCIDRs = new Reflector<readonly string[]>({
      name: 'servicecidrs',
      client,
      path: resourcePath({ group: 'networking.k8s.io', version: 'v1', plural: 'servicecidrs' }),
      transform: (raw) => serviceCIDRsOf(raw, leftOut('ServiceCIDR', raw)),
      handler: { changed: () => handler.serviceCIDRs(this.#allServiceCIDRs()) },
      onError: (error, retry) => {
        if (error instanceof ApiError) refused.resolve(undefined);
        // Kubernetes before 1.33 has no ServiceCIDRs; unallocated ClusterIPs are then not dropped, all else works.
        if (error instanceof ApiError && error.status === 404) log.debug('this API server has no ServiceCIDRs');
        else onError('servicecidrs')(error, retry);
      },
    });
  }

  #allServiceCIDRs(): string[] {
    return [...new Set([...this.serviceCIDRs.values()].flat())].sort();
  }

  /** How the watches fare. */
  statistics(): WatchStatistics[] {
    const named = {
      services: this.services,
      endpointslices: this.endpointSlices,
      nodes: this.node,
      servicecidrs: this.serviceCIDRs,
    };
    return Object.entries(named).map(([resource, { statistics }]) => watchStatistics(resource, statistics));
  }

  get #all(): readonly { start(): void; stop(): Promise<void> }[] {
    return [this.services, this.endpointSlices, this.node, this.serviceCIDRs];
  }

  start(): void {
    for (const reflector of this.#all) reflector.start();
  }

  /**
   * Resolves when Services, EndpointSlices, the Node and the ServiceCIDRs (where there are any) have been listed once:
   * nothing is written before, or a restart would take elements out only to put them back.
   */
  async synced(): Promise<void> {
    const serviceCIDRs = Promise.race([this.serviceCIDRs.synced, this.#noServiceCIDRs]);
    await Promise.all([this.services.synced, this.endpointSlices.synced, this.node.synced, serviceCIDRs]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((reflector) => reflector.stop()));
  }
}

type RawSlice = KubernetesObject & EndpointSliceObject;
type RawService = KubernetesObject & ServiceObject;

/** Drops what forwarding does not need, managed fields above all: it is most of the memory. */
function trimService(raw: KubernetesObject): ServiceObject {
  const { metadata, spec, status } = raw as RawService;
  return { metadata: trimMetadata(metadata), spec, status };
}

function trimSlice(raw: KubernetesObject): EndpointSliceObject {
  const { metadata, addressType, endpoints, ports } = raw as RawSlice;
  return { metadata: trimMetadata(metadata), addressType, endpoints: trimEndpoints(endpoints), ports };
}

/** What is no list is left to the readers of src/services to judge, as are strange endpoints. */
function trimEndpoints(endpoints: EndpointSliceObject['endpoints']): EndpointSliceObject['endpoints'] {
  if (!Array.isArray(endpoints)) return endpoints;
  return endpoints.map((endpoint: Maybe<EndpointObject>) => {
    if (!endpoint) return endpoint;
    const { addresses, conditions, nodeName, hints } = endpoint;
    return { addresses, conditions, nodeName, hints };
  });
}

function trimMetadata(metadata: RawService['metadata']): ServiceObject['metadata'] {
  const { labels, annotations, creationTimestamp } = metadata;
  return { labels, annotations, creationTimestamp };
}
