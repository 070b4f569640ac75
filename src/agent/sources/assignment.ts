import { group, proxyNodeStatePlural, version } from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';
import { Reflector, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { AssignedConfig } from './configuration-file.ts';
import { watchStatistics } from './watch-statistics.ts';
import type { WatchStatistics } from './watch-statistics.ts';

/** What the operator has assigned to this node: its ProxyNodeState's spec. */
export interface Assigned {
  /** Undefined: the object assigns nothing. */
  readonly config: AssignedConfig | undefined;
  /** The node is to have nothing of ours any more: the ProxyConfig that it had last. */
  readonly cleanUpAfter: string | undefined;
  /** This node writes the Events in which all agents see the same. */
  readonly objectEvents: boolean;
  /** kube-proxy does not run on this node any more: its rules are to go. */
  readonly kubeProxyParked: boolean;
  /** The object itself, for whoever reports into its status. */
  readonly object: ProxyNodeState;
}

/** Follows this node's ProxyNodeState. `changed` gets undefined when it is gone: no ProxyConfig governs the node. */
export class Assignment {
  readonly #reflector: Reflector<ProxyNodeState>;
  #current: Assigned | undefined;

  constructor(o: {
    client: ApiClient;
    nodeName: string;
    changed: (assigned: Assigned | undefined) => void;
    log: Logger;
  }) {
    this.#reflector = new Reflector<ProxyNodeState>({
      name: proxyNodeStatePlural,
      client: o.client,
      path: resourcePath({ group, version, plural: proxyNodeStatePlural }),
      fieldSelector: `metadata.name=${o.nodeName}`,
      // The CRD's schema is the authority on its shape.
      transform: (raw) => raw as unknown as ProxyNodeState,
      handler: {
        changed: (_key, object) => {
          this.#current = object && assignedBy(object);
          o.changed(this.#current);
        },
      },
      onError: (error, { retryInMilliseconds }) =>
        o.log.warn('cannot follow the ProxyNodeState of this node', {
          error,
          retryInMilliseconds,
        }),
    });
  }

  /** Resolves when it is known whether anything is assigned; rejects if stopped before. */
  get synced(): Promise<void> {
    return this.#reflector.synced;
  }

  /** What is assigned as far as is known. */
  get current(): Assigned | undefined {
    return this.#current;
  }

  /** How the watch fares. */
  statistics(): WatchStatistics {
    return watchStatistics(proxyNodeStatePlural, this.#reflector.statistics);
  }

  start(): void {
    this.#reflector.start();
  }

  stop(): Promise<void> {
    return this.#reflector.stop();
  }
}

/** An object that somebody made by hand, or through a weaker CRD, may have no spec. */
function assignedBy(object: ProxyNodeState): Assigned {
  const spec = object.spec as ProxyNodeState['spec'] | undefined;
  if (!spec) return { config: undefined, cleanUpAfter: undefined, objectEvents: false, kubeProxyParked: false, object };
  const { configRef, revision, config, cleanup, objectEvents = false } = spec;
  const rest = { objectEvents, kubeProxyParked: spec.kubeProxy === 'Parked', object };
  if (cleanup) return { config: undefined, cleanUpAfter: configRef.name, ...rest };
  return { config: { name: configRef.name, revision, config }, cleanUpAfter: undefined, ...rest };
}
