import { Inject, Injectable } from '@nestjs/common';
import type { ReflectorStatistics } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { ClusterCache } from '../cluster/index.ts';
import { LOGGER, perTerm } from '../injection.ts';
import type { QueueName } from '../metrics/index.ts';
import { Queues } from './queues.ts';
import type { Term } from './term.ts';

/** There is one DaemonSet, and one plan for all ProxyConfigs, so their queues know one key. */
const allKey = 'all';

/**
 * The controller while this process leads: watches fill the cache and put keys into three queues (nodes, rollouts, the
 * DaemonSet); reconcilers bring one key at a time in line. Nothing is written before the cache is complete: a
 * config that has not been seen yet must not look like one that is gone.
 */
@Injectable(perTerm)
export class ControlLoop implements Term {
  readonly #cache: ClusterCache;
  readonly #queues: Queues;
  readonly #log: Logger;
  #synced = false;
  #stopped = false;

  constructor(@Inject(ClusterCache) cache: ClusterCache, @Inject(Queues) queues: Queues, @Inject(LOGGER) log: Logger) {
    this.#cache = cache;
    this.#queues = queues;
    this.#log = log;
    cache.tell({
      configChanged: () => this.#add('rollouts', allKey),
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
      apiServersChanged: () => {
        this.#add('agents', allKey);
        this.#add('rollouts', allKey);
      },
    });
  }

  get synced(): boolean {
    return this.#synced;
  }

  get queueLengths(): Readonly<Record<string, number>> {
    return this.#queues.lengths;
  }

  watchStatistics(): ReadonlyMap<string, ReflectorStatistics> {
    return this.#cache.watchStatistics();
  }

  /** Fills the cache and, once it is complete, begins the work. @throws what ClusterCache.start throws */
  async start(): Promise<void> {
    await this.#cache.start();
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
    await this.#cache.stop();
  }

  #add(queue: QueueName, key: string): void {
    if (this.#synced) this.#queues.add(queue, key);
  }
}
