import { group, proxyNodeStatePlural, version } from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';
import { Reflector, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient, KubernetesObject, ReflectorStatistics } from '../../kubernetes/index.ts';
import { agentCountsOf, agentName } from '../agents/index.ts';
import type { RawDaemonSet, SliceAddresses } from '../agents/index.ts';
import type { AgentCounts } from '../status/index.ts';
import { nodeInfoOf, sameNode } from './node-info.ts';
import type { NodeInfo, RawNode } from './node-info.ts';
import type { OwnedNodeState } from '../rollout/index.ts';

/** A ProxyNodeState as the API server has it. */
export type CachedNodeState = ProxyNodeState & OwnedNodeState;

/** Told of what changed; never of what the operator does not look at. */
export interface ClusterListener {
  nodeChanged(name: string): void;
  nodeStateChanged(name: string, configs: readonly string[]): void;
  agentsChanged(): void;
  apiServersChanged(): void;
}

/** Local copies of everything that the operator looks at, but for the ProxyConfigs. */
export class ClusterCache {
  readonly nodes: Reflector<NodeInfo>;
  readonly states: Reflector<CachedNodeState>;
  readonly #daemonSets: Reflector<RawDaemonSet>;
  readonly #slices: Reflector<SliceAddresses>;
  readonly #namespace: string;
  #shortSince: number | undefined;

  constructor(client: ApiClient, namespace: string, listener: ClusterListener, warn: (message: string) => void) {
    this.#namespace = namespace;
    const base = (name: string) => ({
      name,
      client,
      onError: (error: Error, { retryInMilliseconds }: { retryInMilliseconds: number }) =>
        warn(`watch of ${name}: ${error.message}; trying again in ${(retryInMilliseconds / 1000).toFixed(1)} s`),
    });
    this.nodes = new Reflector({
      ...base('nodes'),
      path: resourcePath({ version: 'v1', plural: 'nodes' }),
      transform: (raw) => nodeInfoOf(raw satisfies RawNode),
      handler: {
        changed: (key, current, previous) => {
          if (current === undefined || previous === undefined || !sameNode(current, previous))
            listener.nodeChanged(key);
        },
      },
    });
    this.states = new Reflector({
      ...base(proxyNodeStatePlural),
      path: resourcePath({ group, version, plural: proxyNodeStatePlural }),
      transform: (raw) => slim(raw) as CachedNodeState,
      handler: {
        changed: (key, current, previous) => {
          const configs = [current, previous].flatMap((state) => state?.spec.configRef.name ?? []);
          listener.nodeStateChanged(key, configs);
        },
      },
    });
    this.#daemonSets = new Reflector({
      ...base('daemonsets'),
      path: resourcePath({ group: 'apps', version: 'v1', plural: 'daemonsets', namespace }),
      fieldSelector: `metadata.name=${agentName}`,
      transform: (raw) => slim(raw),
      handler: {
        changed: () => {
          this.#noteShortage();
          listener.agentsChanged();
        },
      },
    });
    this.#slices = new Reflector({
      ...base('endpointslices'),
      path: resourcePath({
        group: 'discovery.k8s.io',
        version: 'v1',
        plural: 'endpointslices',
        namespace: 'default',
      }),
      labelSelector: 'kubernetes.io/service-name=kubernetes',
      transform: (raw) => slim(raw) as SliceAddresses,
      handler: { changed: () => listener.apiServersChanged() },
    });
  }

  get daemonSet(): RawDaemonSet | undefined {
    return this.#daemonSets.get(`${this.#namespace}/${agentName}`);
  }

  get apiServerSlices(): Iterable<SliceAddresses> {
    return this.#slices.values();
  }

  /** Agents that run; `shortForSeconds` counts from when this process saw the first one missing. */
  get agents(): AgentCounts | undefined {
    const counts = agentCountsOf(this.daemonSet);
    if (counts === undefined) return undefined;
    const shortForSeconds = this.#shortSince === undefined ? 0 : (performance.now() - this.#shortSince) / 1000;
    return { ...counts, shortForSeconds };
  }

  start(): void {
    for (const reflector of this.#all()) reflector.start();
  }

  /** Resolves when every first list is complete. */
  async synced(): Promise<void> {
    await Promise.all(this.#all().map((reflector) => reflector.synced));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all().map((reflector) => reflector.stop()));
  }

  /** Counters of each watch, by plural name. */
  watchStatistics(): ReadonlyMap<string, ReflectorStatistics> {
    return new Map([
      ['nodes', this.nodes.statistics],
      [proxyNodeStatePlural, this.states.statistics],
      ['daemonsets', this.#daemonSets.statistics],
      ['endpointslices', this.#slices.statistics],
    ]);
  }

  #all(): Pick<Reflector, 'start' | 'synced' | 'stop'>[] {
    return [this.nodes, this.states, this.#daemonSets, this.#slices];
  }

  #noteShortage(): void {
    const counts = agentCountsOf(this.daemonSet);
    if (counts === undefined || counts.ready >= counts.desired) this.#shortSince = undefined;
    else this.#shortSince ??= performance.now();
  }
}

/** The object without what only says who wrote it, a good half of its size. The schema of the server is the authority. */
function slim(raw: KubernetesObject): KubernetesObject {
  const metadata = { ...raw.metadata };
  delete metadata.managedFields;
  return { ...raw, metadata };
}
