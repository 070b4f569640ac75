import { Inject, Injectable } from '@nestjs/common';
import { agentLabels, group, proxyNodeStatePlural, version } from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';
import { apiServersIn, formatSelector, Reflector, resourcePath } from '../../kubernetes/index.ts';
import type {
  ApiClient,
  ApiServerSlice,
  KubernetesObject,
  ReflectorOptions,
  ReflectorStatistics,
} from '../../kubernetes/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { API_CLIENT, CLOCK, LOGGER, OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import { constructWithKubeconfig } from '../library/index.ts';
import type { OperatorOptions } from '../options.ts';
import { agentName, AgentShortage, apiServerMapName } from './agent-daemon-set.ts';
import type { AgentCounts, AgentDaemonSet, ApiServerMap } from './agent-daemon-set.ts';
import { AgentLeases } from './agent-leases.ts';
import type { Silence } from './agent-leases.ts';
import { agentPodOf, byNode } from './agent-pod.ts';
import type { AgentPod } from './agent-pod.ts';
import { clusterNodeOf, sameNode } from './cluster-node.ts';
import type { ClusterNode } from './cluster-node.ts';
import { agentImage } from './own-image.ts';
import { isCalledSilent, readNodeState } from './node-state-reading.ts';
import { ProxyConfigs } from './proxy-configs.ts';

/** Told of what changed, after the cache has it; never of what the operator does not look at. */
export interface ClusterListener {
  configChanged(): void;
  nodeChanged(name: string): void;
  nodeStateChanged(name: string): void;
  agentsChanged(): void;
  apiServersChanged(): void;
}

/** How one kind is watched. */
type Watch<T> = Pick<ReflectorOptions<T>, 'path' | 'transform' | 'fieldSelector' | 'labelSelector'> &
  Pick<ReflectorOptions<T>['handler'], 'changed'>;

/** A kind as it is looked up, by name. */
type Cached<T> = Pick<Reflector<T>, 'get' | 'values'>;

/**
 * Local copies of everything that the operator looks at: ProxyConfigs, Nodes, ProxyNodeStates, the agents' DaemonSet,
 * Pods and ConfigMap, the EndpointSlices of the API server. To be started once, and not to be believed before that has
 * resolved: what has not been seen yet must not look like what is gone.
 */
@Injectable(perTerm)
export class ClusterCache {
  readonly configs: ProxyConfigs;
  readonly nodes: Cached<ClusterNode>;
  readonly nodeStates: Cached<ProxyNodeState>;
  readonly #client: ApiClient;
  readonly #log: Logger;
  readonly #reflectors = new Map<string, Pick<Reflector, 'start' | 'synced' | 'stop' | 'statistics'>>();
  readonly #daemonSets: Cached<AgentDaemonSet>;
  readonly #pods: Cached<AgentPod>;
  readonly #maps: Cached<ApiServerMap>;
  readonly #slices: Cached<ApiServerSlice>;
  readonly #leases: AgentLeases;
  readonly #namespace: string;
  readonly #options: OperatorOptions;
  #agentImage: string | undefined;
  readonly #shortage: AgentShortage;
  #listener: ClusterListener | undefined;
  #stopped = false;

  constructor(
    @Inject(API_CLIENT) client: ApiClient,
    @Inject(OPERATOR_OPTIONS) options: OperatorOptions,
    @Inject(LOGGER) log: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    const { kubeconfig, namespace } = options;
    this.#client = client;
    this.#options = options;
    this.#log = log;
    this.#namespace = namespace;
    this.#shortage = new AgentShortage(clock);
    this.configs = constructWithKubeconfig(
      kubeconfig,
      () => new ProxyConfigs(client, log, () => this.#listener?.configChanged()),
    );
    this.nodes = this.#watch<ClusterNode>('nodes', {
      path: resourcePath({ version: 'v1', plural: 'nodes' }),
      transform: (raw) => clusterNodeOf(raw),
      changed: (name, current, previous) => {
        if (current !== undefined && previous !== undefined && sameNode(current, previous)) return;
        this.#listener?.nodeChanged(name);
      },
    });
    this.nodeStates = this.#watch<ProxyNodeState>(proxyNodeStatePlural, {
      path: resourcePath({ group, version, plural: proxyNodeStatePlural }),
      transform: (raw) => readNodeState(slim(raw)),
      changed: (name, current, previous) => {
        // It came back, and contradicts: the Leases are looked at only now and then.
        if (current && previous && isCalledSilent(previous) && !isCalledSilent(current)) this.#leases.heard(name);
        this.#listener?.nodeStateChanged(name);
      },
    });
    this.#daemonSets = this.#watch<AgentDaemonSet>('daemonsets', {
      path: resourcePath({ group: 'apps', version: 'v1', plural: 'daemonsets', namespace }),
      fieldSelector: `metadata.name=${agentName}`,
      transform: (raw) => slim(raw),
      changed: (_key, current) => {
        this.#shortage.note(current);
        this.#listener?.agentsChanged();
      },
    });
    this.#pods = this.#watch<AgentPod>('pods', {
      path: resourcePath({ version: 'v1', plural: 'pods', namespace }),
      labelSelector: formatSelector({ matchLabels: agentLabels }),
      transform: (raw) => agentPodOf(raw),
      changed: () => this.#listener?.agentsChanged(),
    });
    this.#maps = this.#watch<ApiServerMap>('configmaps', {
      path: resourcePath({ version: 'v1', plural: 'configmaps', namespace }),
      fieldSelector: `metadata.name=${apiServerMapName}`,
      transform: (raw) => slim(raw),
      changed: () => this.#listener?.apiServersChanged(),
    });
    this.#slices = this.#watch<ApiServerSlice>('endpointslices', {
      path: resourcePath({ group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespace: 'default' }),
      labelSelector: 'kubernetes.io/service-name=kubernetes',
      transform: (raw) => slim(raw) as ApiServerSlice,
      changed: () => {
        const known = this.apiServers;
        // The last API server takes its endpoint away when it stops; it comes back where it was.
        if (known.length > 0) client.servers.use({ known });
        this.#listener?.apiServersChanged();
      },
    });
    this.#leases = new AgentLeases({
      ...{ client, namespace, clock, log },
      expected: () => this.#leaseDurations(),
      silent: (names) => {
        for (const name of names) this.#listener?.nodeStateChanged(name);
      },
    });
  }

  /** Has one listener told of changes; to be called before `start`. */
  tell(listener: ClusterListener): void {
    this.#listener = listener;
  }

  /** The agents' DaemonSet; undefined while there is none. */
  get daemonSet(): AgentDaemonSet | undefined {
    return this.#daemonSets.get(`${this.#namespace}/${agentName}`);
  }

  /** The image that agents are to run; undefined before `start` has found it. */
  get agentImage(): string | undefined {
    return this.#agentImage;
  }

  /** The agents' Pods by name of their node. */
  agentPods(): ReadonlyMap<string, AgentPod> {
    return byNode(this.#pods.values());
  }

  /** Agents that run; undefined while nobody can say. */
  get agents(): AgentCounts | undefined {
    return this.#shortage.counts(this.daemonSet);
  }

  /** What is known of the silence of a node's agent; undefined if it is heard of, or has no Lease. */
  silenceOf(node: string): Silence | undefined {
    return this.#leases.silenceOf(node);
  }

  /** The ConfigMap that tells agents where the API servers are; undefined while there is none. */
  get apiServerMap(): ApiServerMap | undefined {
    return this.#maps.get(`${this.#namespace}/${apiServerMapName}`);
  }

  /** URLs of the API servers at their own addresses, sorted. */
  get apiServers(): string[] {
    return apiServersIn(this.#slices.values());
  }

  /**
   * Starts the watches; resolves when every first list is complete. The CRDs should be served by then.
   *
   * @throws Error if the cache is stopped meanwhile, or if nobody says what image agents are to run; ApiError,
   * ConnectionError while that is asked for
   */
  async start(): Promise<void> {
    this.#agentImage = await agentImage(this.#client, this.#options);
    await this.configs.start();
    if (this.#stopped) throw new Error('the caches were stopped');
    const reflectors = [...this.#reflectors.values()];
    for (const reflector of reflectors) reflector.start();
    await Promise.all([this.configs.synced(), ...reflectors.map(({ synced }) => synced)]);
    if (!this.#isStopped()) this.#leases.start();
  }

  /** Ends the watches; what is cached stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const leases = this.#leases.stop();
    await Promise.all([leases, this.configs.shutdown(), ...[...this.#reflectors.values()].map((each) => each.stop())]);
  }

  /** Counters of each watch, by plural name. */
  watchStatistics(): ReadonlyMap<string, ReflectorStatistics> {
    const ours = [...this.#reflectors].map(([plural, { statistics }]) => [plural, statistics] as const);
    return new Map([...this.configs.watchStatistics(), ...ours]);
  }

  /** Of agents that say that they have a Lease: one of an older version has none, and is not silent for that. */
  #leaseDurations(): ReadonlyMap<string, number> {
    const durations = new Map<string, number>();
    for (const { metadata, status } of this.nodeStates.values()) {
      const seconds = status?.leaseDurationSeconds;
      if (seconds !== undefined) durations.set(metadata.name, seconds);
    }
    return durations;
  }

  /** A function because the compiler believes that what was once found running still is. */
  #isStopped(): boolean {
    return this.#stopped;
  }

  #watch<T>(plural: string, { changed, ...rest }: Watch<T>): Reflector<T> {
    const reflector = new Reflector<T>({
      name: plural,
      client: this.#client,
      handler: { changed },
      onError: (error, { retryInMilliseconds }) =>
        this.#log.warn('cannot follow the API server; trying again', {
          resource: plural,
          error,
          retryInMilliseconds,
        }),
      ...rest,
    });
    this.#reflectors.set(plural, reflector);
    return reflector;
  }
}

/** The object without what only says who wrote it, a good half of its size. The schema of the server is the authority. */
function slim(raw: KubernetesObject): KubernetesObject {
  const metadata = { ...raw.metadata };
  delete metadata.managedFields;
  return { ...raw, metadata };
}
