import { Inject, Injectable } from '@nestjs/common';
import type { ReflectorStatistics } from '../../kubernetes/index.ts';
import type { ClusterObjects } from '../../overview/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { LOGGER, perTerm } from '../injection.ts';
import type { QueueName } from '../metrics/index.ts';
import { Queues } from './queues.ts';
import type { Term } from './term.ts';
import { Watches } from './watches.ts';

/** There is one DaemonSet, and one plan for all ProxyConfigs, so their queues know one key. */
const allKey = 'all';

/**
 * The controller while this process leads: watches fill the cache and put keys into five queues (nodes, rollouts, the
 * DaemonSet, kube-proxy, CRDs); reconcilers bring one key at a time in line. Nothing is written before the cache is complete: a
 * config that has not been seen yet must not look like one that is gone.
 */
@Injectable(perTerm)
export class ControlLoop implements Term {
  readonly #watches: Watches;
  readonly #queues: Queues;
  readonly #log: Logger;
  #synced = false;
  #stopped = false;

  constructor(@Inject(Watches) watches: Watches, @Inject(Queues) queues: Queues, @Inject(LOGGER) log: Logger) {
    this.#watches = watches;
    this.#queues = queues;
    this.#log = log;
    const { crds, cache, kubeProxy } = watches;
    crds.tell((name) => {
      this.#add('crds', name);
      if (!crds.isServed(name)) return;
      // What could not be written while it was away need not wait any longer.
      for (const { name: node } of cache.nodes.values()) this.#add('nodes', node);
      this.#add('rollouts', allKey);
    });
    kubeProxy.tell(() => this.#add('rollouts', allKey));
    cache.tell({
      configChanged: () => {
        // What their agents tolerate decides where agents run.
        this.#add('agents', allKey);
        this.#add('rollouts', allKey);
      },
      nodeChanged: (name) => {
        this.#add('nodes', name);
        this.#add('agents', allKey);
        this.#add('rollouts', allKey);
      },
      nodeStateChanged: (name) => {
        this.#add('nodes', name);
        this.#add('agents', allKey);
        this.#add('rollouts', allKey);
      },
      agentsChanged: () => {
        this.#add('agents', allKey);
        this.#add('rollouts', allKey);
      },
      apiServersChanged: () => this.#add('agents', allKey),
    });
  }

  get synced(): boolean {
    return this.#synced;
  }

  get queueLengths(): Readonly<Record<string, number>> {
    return this.#queues.lengths;
  }

  objects(): ClusterObjects {
    const { cache } = this.#watches;
    const configs = cache.configs.all().map(({ config }) => config);
    return { configs, nodes: [...cache.nodeStates.values()] };
  }

  watchStatistics(): ReadonlyMap<string, ReflectorStatistics> {
    return this.#watches.statistics();
  }

  /**
   * Waits for the CRDs, fills the cache and, once that is complete, begins the work.
   *
   * @throws what Crds.start and ClusterCache.start throw
   */
  async start(): Promise<void> {
    await this.#watches.crds.start();
    await this.#watches.cache.start();
    if (this.#stopped) return;
    this.#synced = true;
    this.#log.info('all caches are complete');
    for (const queue of ['rollouts', 'agents'] as const) this.#add(queue, allKey);
  }

  /** Ends watches and queues; waits for requests that are under way. */
  async stop(): Promise<void> {
    this.#synced = false;
    this.#stopped = true;
    await this.#queues.stop();
    await this.#watches.stop();
  }

  #add(queue: QueueName, key: string): void {
    if (this.#synced) this.#queues.add(queue, key);
  }
}
