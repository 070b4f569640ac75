import { Inject, Injectable } from '@nestjs/common';
import { formatSelector, Reflector, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient, ReflectorOptions, ReflectorStatistics } from '../../kubernetes/index.ts';
import { describeError } from '../../runtime/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { API_CLIENT, LOGGER, OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { daemonSetOf, podOf } from './kube-proxy.ts';
import type { KubeProxyDaemonSet, KubeProxyPod, SeenKubeProxy } from './kube-proxy.ts';

/** One collection, and whether its first list is complete. */
interface Followed<T> {
  readonly reflector: Reflector<T>;
  synced: boolean;
}

/**
 * Follows kube-proxy's DaemonSet, and its Pods from when somebody has to know. The operator's other work never waits for it:
 * where it may not look, it says so.
 */
@Injectable(perTerm)
export class KubeProxyWatch {
  readonly #client: ApiClient;
  readonly #log: Logger;
  readonly #namespace: string;
  readonly #name: string;
  #daemonSets: Followed<KubeProxyDaemonSet> | undefined;
  /** Of the DaemonSet of that uid; another one may have another selector. */
  #pods: (Followed<KubeProxyPod> & { readonly uid: string }) | undefined;
  readonly #ending: Promise<void>[] = [];
  #trouble: string | undefined;
  #changed: () => void = () => undefined;
  #stopped = false;

  constructor(
    @Inject(API_CLIENT) client: ApiClient,
    @Inject(OPERATOR_OPTIONS) { kubeProxy }: OperatorOptions,
    @Inject(LOGGER) log: Logger,
  ) {
    this.#client = client;
    this.#log = log;
    this.#namespace = kubeProxy.namespace;
    this.#name = kubeProxy.name;
  }

  /** Has somebody told when there is something else to see. */
  tell(changed: () => void): void {
    this.#changed = changed;
  }

  /**
   * What is known; with it following begins.
   *
   * @param everywhere whether its Pods have to be known; else there are none in the answer
   */
  look(everywhere: boolean): SeenKubeProxy {
    this.#daemonSets ??= this.#followDaemonSet();
    const { reflector, synced } = this.#daemonSets;
    if (!synced) return this.#unknown();
    const daemonSet = reflector.get(`${this.#namespace}/${this.#name}`);
    if (daemonSet === undefined) return { kind: 'absent' };
    if (!everywhere) return { kind: 'there', daemonSet, pods: new Map() };
    if (this.#pods?.uid !== daemonSet.uid) this.#followPods(daemonSet);
    if (this.#pods?.synced !== true) return this.#unknown();
    return { kind: 'there', daemonSet, pods: byNode(this.#pods.reflector.values()) };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#daemonSets?.reflector.stop(), this.#pods?.reflector.stop(), ...this.#ending]);
  }

  /** Counters of each watch, by name. */
  watchStatistics(): ReadonlyMap<string, ReflectorStatistics> {
    const all = { 'kube-proxy/daemonsets': this.#daemonSets, 'kube-proxy/pods': this.#pods };
    return new Map(Object.entries(all).flatMap(([name, each]) => (each ? [[name, each.reflector.statistics]] : [])));
  }

  #unknown(): SeenKubeProxy {
    return { kind: 'unknown', ...(this.#trouble !== undefined && { trouble: this.#trouble }) };
  }

  #followDaemonSet(): Followed<KubeProxyDaemonSet> {
    return this.#follow<KubeProxyDaemonSet>('kube-proxy/daemonsets', {
      path: resourcePath({ group: 'apps', version: 'v1', plural: 'daemonsets', namespace: this.#namespace }),
      fieldSelector: `metadata.name=${this.#name}`,
      transform: daemonSetOf,
    });
  }

  #followPods({ uid, selector }: KubeProxyDaemonSet): void {
    if (this.#pods !== undefined) this.#ending.push(this.#pods.reflector.stop());
    const followed = this.#follow<KubeProxyPod>('kube-proxy/pods', {
      path: resourcePath({ version: 'v1', plural: 'pods', namespace: this.#namespace }),
      labelSelector: formatSelector(selector),
      transform: podOf,
    });
    this.#pods = Object.assign(followed, { uid });
  }

  #follow<T>(
    name: string,
    what: Pick<ReflectorOptions<T>, 'path' | 'fieldSelector' | 'labelSelector' | 'transform'>,
  ): Followed<T> {
    const reflector = new Reflector<T>({
      ...{ name, client: this.#client, ...what },
      handler: {
        changed: () => this.#changed(),
        synced: () => {
          followed.synced = true;
          this.#trouble = undefined;
          this.#changed();
        },
      },
      onError: (error, { retryInMilliseconds }) => {
        const trouble = describeError(error);
        // Once is enough: who has nothing parked may have taken the rights away.
        if (trouble === this.#trouble) return;
        this.#log.warn('cannot follow kube-proxy; trying again', { resource: name, error, retryInMilliseconds });
        this.#trouble = trouble;
        this.#changed();
      },
    });
    const followed = { reflector, synced: false };
    if (!this.#stopped) reflector.start();
    return followed;
  }
}

/** Of two Pods on a node one is ending. */
function byNode(pods: Iterable<KubeProxyPod>): ReadonlyMap<string, boolean> {
  const found = new Map<string, boolean>();
  for (const { node, ready } of pods) if (node !== undefined) found.set(node, ready || (found.get(node) ?? false));
  return found;
}
