import type { ProxyConfig } from '../api/index.ts';
import { WorkQueue } from '../kubernetes/index.ts';
import type { ApiClient, EventRecorder, ReflectorStatistics } from '../kubernetes/index.ts';
import { AgentsReconciler } from './agents/index.ts';
import { NodeReconciler, sharesOf, winnerOf } from './rollout/index.ts';
import type { Share, View } from './rollout/index.ts';
import { ClusterCache } from './cluster/index.ts';
import { constructWithKubeconfig, ProxyConfigController } from './library/index.ts';
import type { OperatorLog } from './log.ts';
import type { OperatorMetrics } from './http/index.ts';
import type { OperatorOptions } from './options.ts';
import { StatusReconciler } from './status/index.ts';

export interface ControlLoopParts {
  readonly client: ApiClient;
  readonly options: OperatorOptions;
  readonly log: OperatorLog;
  readonly metrics: OperatorMetrics;
  readonly events: Pick<EventRecorder, 'event'>;
}

const agentsKey = 'agents';

/**
 * The controller while this process leads: watches fill caches and put keys into three queues (nodes, ProxyConfigs,
 * the DaemonSet); reconcilers bring one key at a time in line. Nothing is written before every cache is complete: a
 * config that has not been seen yet must not look like one that is gone.
 */
export class ControlLoop {
  readonly #log: OperatorLog;
  readonly #configs: ProxyConfigController;
  readonly #cache: ClusterCache;
  readonly #queues: { readonly nodes: WorkQueue; readonly configs: WorkQueue; readonly agents: WorkQueue };
  /** Who governs how many nodes; worked out anew when it is asked for after a change. */
  #shares: ReadonlyMap<string, Share> | undefined;
  #synced = false;
  #stopped = false;

  constructor({ client, options, log, metrics, events }: ControlLoopParts) {
    this.#log = log;
    const logger = { debug: () => undefined, info: log.info, warn: log.warn, error: log.error };
    this.#configs = constructWithKubeconfig(
      options.kubeconfig,
      () => new ProxyConfigController(client, logger, (name, relevant) => this.#configChanged(name, relevant)),
    );
    this.#cache = new ClusterCache(
      client,
      options.namespace,
      {
        nodeChanged: (name) => this.#nodeChanged(name),
        nodeStateChanged: (name, configs) => this.#nodeStateChanged(name, configs),
        agentsChanged: () => this.#agentsChanged(),
        apiServersChanged: () => this.#add('agents', agentsKey),
      },
      log.warn,
    );
    const view: View = {
      cache: this.#cache,
      configs: this.#configs,
      winnerOf: (node) => winnerOf(this.#proxyConfigs(), node),
      shareOf: (config) => this.#shareOf(config),
    };
    const nodes = new NodeReconciler(client, view, log);
    const status = new StatusReconciler(view, metrics, events);
    const agents = new AgentsReconciler(client, this.#cache, options, log);
    const queue = (name: string, reconcile: WorkQueueReconcile, concurrency: number, intervalSeconds = 0): WorkQueue =>
      new WorkQueue({
        reconcile,
        concurrency,
        intervalSeconds,
        onDone: ({ key, seconds, error, retryInMilliseconds = 0 }) => {
          metrics.reconciled(name, seconds, error === undefined);
          if (error)
            log.warn(`${name} ${key}: ${error.message}; trying again in ${(retryInMilliseconds / 1000).toFixed(1)} s`);
        },
      });
    this.#queues = {
      nodes: queue('nodes', (name) => nodes.reconcile(name), 8),
      // A status is written at most once a second, however many nodes report.
      configs: queue('configs', (name) => status.reconcile(name), 4, 1),
      agents: queue('agents', () => agents.reconcile(), 1, 1),
    };
  }

  /** All caches are complete and the queues run. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Keys waiting, by queue. */
  get queueLengths(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.#queues).map(([name, queue]) => [name, queue.length]));
  }

  /** Counters of each watch, by plural name. */
  watchStatistics(): ReadonlyMap<string, ReflectorStatistics> {
    return new Map([...this.#configs.watchStatistics(), ...this.#cache.watchStatistics()]);
  }

  /** Installs the CRDs, starts the watches and, once they are complete, the work. @throws ApiError, ConnectionError */
  async start(): Promise<void> {
    await this.#configs.start();
    if (this.#stopped) return;
    this.#cache.start();
    await Promise.all([this.#configs.synced(), this.#cache.synced()]);
    this.#synced = true;
    this.#log.info('all caches are complete');
    this.#everythingChanged();
    this.#add('agents', agentsKey);
  }

  /** Ends watches and queues; waits for requests that are under way. */
  async stop(): Promise<void> {
    this.#synced = false;
    this.#stopped = true;
    await Promise.all(Object.values(this.#queues).map((queue) => queue.stop()));
    await Promise.all([this.#configs.shutdown(), this.#cache.stop()]);
  }

  #proxyConfigs(): ProxyConfig[] {
    return this.#configs.all().map(({ config }) => config);
  }

  #shareOf(config: string): Share | undefined {
    this.#shares ??= sharesOf(this.#proxyConfigs(), this.#cache.nodes.values());
    return this.#shares.get(config);
  }

  #configChanged(name: string, relevant: boolean): void {
    if (relevant) this.#everythingChanged();
    this.#add('configs', name);
  }

  #nodeChanged(name: string): void {
    this.#shares = undefined;
    this.#add('nodes', name);
    this.#allConfigs();
  }

  #nodeStateChanged(name: string, configs: readonly string[]): void {
    this.#add('nodes', name);
    for (const config of configs) this.#add('configs', config);
  }

  #agentsChanged(): void {
    this.#add('agents', agentsKey);
    this.#allConfigs();
  }

  #everythingChanged(): void {
    this.#shares = undefined;
    for (const { name } of this.#cache.nodes.values()) this.#add('nodes', name);
    this.#allConfigs();
  }

  #allConfigs(): void {
    for (const { config } of this.#configs.all()) this.#add('configs', config.metadata.name);
  }

  #add(queue: 'nodes' | 'configs' | 'agents', key: string): void {
    if (this.#synced) this.#queues[queue].add(key);
  }
}

type WorkQueueReconcile = ConstructorParameters<typeof WorkQueue>[0]['reconcile'];
