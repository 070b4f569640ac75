import { group, proxyNodeStatePlural, version } from '../api/index.ts';
import type { ProxyNodeState } from '../api/index.ts';
import { EventRecorder, Reflector, resourcePath } from '../kubernetes/index.ts';
import type { ApiClient, KubernetesObject } from '../kubernetes/index.ts';
import type { ConntrackSocket } from '../conntrack/index.ts';
import type { NftablesSocket } from '../nftables/index.ts';
import type { Change, Problem } from '../services/index.ts';
import { describeError, Pacer, packageVersion, releaseSpareMemory } from '../runtime/index.ts';
import type { Clock, HttpListener, Logger } from '../runtime/index.ts';
import { ConfigFile, nodeSettings, Sources } from './sources/index.ts';
import type { NodeState } from './sources/index.ts';
import { connectionCounts, KernelTable } from '../dataplane/index.ts';
import { agentListeners, AgentMetrics, countNoLocalEndpoints, ProxyHealth } from './observe/index.ts';
import { LoadFollower, Sync } from './sync/index.ts';
import type { SyncResult } from './sync/index.ts';
import { NodeServices } from './node-services.ts';
import type { AgentOptions } from './options.ts';
import { agentState, Reporter } from './status/index.ts';

const families = [4, 6] as const;

/** Least time between two commits under churn: more of them starve the kernel's garbage collection of timeout sets. */
const restMilliseconds = 100;
const retry = { first: 1000, atMost: 30_000 };
/** An update that has waited this long makes /healthz fail: twice kube-proxy's sync period. */
const healthTimeoutMilliseconds = 60_000;
const verifyMilliseconds = 1000;
/** After the first sync: by then what follows it (conntrack, status) is done too. */
const releaseMemoryMilliseconds = 1000;
const quarantineRetryMilliseconds = 30_000;
/** How often least-connections looks at the open connections. */
const loadMilliseconds = 3000;

/** What an agent needs from outside. */
export interface AgentDependencies {
  readonly client: ApiClient;
  /** For writing: owns the table. */
  readonly socket: NftablesSocket;
  /** For reading counters, so that a scrape never delays a write. */
  readonly reader: NftablesSocket;
  readonly conntrack: ConntrackSocket;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * One node's agent: follows the API server, keeps the kernel's table in line, reports.
 *
 * ```
 *  Sources ──> Sync (pending changes) ──Pacer──> KernelTable ──> kernel
 *  ConfigFile | ProxyNodeState ──^                  |
 *                                     health, metrics, ProxyNodeState.status, Events
 * ```
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #deps: AgentDependencies;
  readonly #kernel: KernelTable;
  readonly #sync: Sync;
  readonly #sources: Sources;
  readonly #pacer: Pacer;
  readonly #health: ProxyHealth;
  readonly #metrics: AgentMetrics;
  readonly #events: EventRecorder;
  readonly #nodeServices: NodeServices;
  readonly #load: LoadFollower;
  readonly #reporter: Reporter | undefined;
  readonly #nodeState: Reflector<ProxyNodeState> | undefined;
  readonly #configFile: ConfigFile | undefined;
  readonly #listeners: HttpListener[];
  readonly #timers: NodeJS.Timeout[] = [];
  #generation: number | undefined;
  #nodeText: string | undefined;
  #lastGoodRevision: string | undefined;
  #failure: string | undefined;
  #eventArrivedAt: number | undefined;
  #memoryReleased = false;

  constructor(options: AgentOptions, deps: AgentDependencies) {
    const { client, socket, log, clock } = deps;
    this.#options = options;
    this.#deps = deps;
    this.#kernel = new KernelTable(socket, log);
    this.#sync = new Sync(this.#kernel, options.nodeName);
    this.#health = new ProxyHealth({ clock, timeoutMilliseconds: healthTimeoutMilliseconds, families });
    this.#metrics = this.#makeMetrics();
    this.#events = new EventRecorder({ client, component: 'nftproxy-agent', instance: options.nodeName });
    this.#nodeServices = new NodeServices({
      conntrack: deps.conntrack,
      events: this.#events,
      metrics: this.#metrics,
      proxyHealthy: () => this.#health.healthy,
      primaryAddresses: () => this.#sync.node?.primaryAddresses ?? [],
      sysctlDirectory: options.sysctlDirectory,
      log,
      clock,
    });
    this.#load = new LoadFollower(deps.conntrack);
    this.#sources = this.#makeSources();
    this.#pacer = new Pacer({
      run: () => this.#run(),
      rest: (lastRun) => Math.max(restMilliseconds, lastRun),
      retry,
      onFailure: (error, milliseconds) => this.#failed(error, milliseconds),
      clock,
    });
    if (options.config === undefined) {
      this.#nodeState = this.#makeNodeStateReflector();
      this.#reporter = new Reporter({
        client,
        nodeName: options.nodeName,
        state: () => agentState(this.#sync, this.#kernel, { failure: this.#failure, lastGood: this.#lastGoodRevision }),
        generation: () => this.#generation,
        agentVersion: packageVersion,
        clock,
        log,
      });
    } else {
      this.#configFile = new ConfigFile(options.config, log);
    }
    this.#listeners = agentListeners({
      healthAddress: options.healthAddress,
      metricsAddress: options.metricsAddress,
      health: this.#health,
      metrics: this.#metrics,
      sync: this.#sync,
      kernel: this.#kernel,
      log,
      clock,
    });
  }

  /** Starts everything; rejects only if the configuration file cannot be used. */
  async start(): Promise<void> {
    const { log } = this.#deps;
    if (this.#configFile) {
      this.#sync.configure(await this.#configFile.read());
      this.#configFile.watch((config) => {
        log.info('the configuration file changed', { revision: config.revision });
        this.#sync.configure(config);
        this.#request();
      });
    }
    for (const listener of this.#listeners) await listener.start();
    this.#sources.start();
    this.#nodeState?.start();
    void this.#sources.synced().then(() => {
      log.info('Services and EndpointSlices are known', { ...this.#sync.forwarding?.stats });
      if (!this.#sync.node) this.#nodeChanged(undefined);
      this.#sync.sourcesSynced();
      if (!this.#sync.config) log.info('waiting for the operator to assign a ProxyConfig to this node');
      this.#request();
    });
    this.#every(verifyMilliseconds, () => void this.#verify());
    this.#every(quarantineRetryMilliseconds, () => this.#retryQuarantined());
    this.#every(loadMilliseconds, () => void this.#followLoad());
  }

  /** Stops without touching the kernel: rules stay in force and connections go on. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#configFile?.stop();
    await this.#pacer.stop();
    await Promise.all([
      this.#sources.stop(),
      this.#nodeState?.stop(),
      this.#reporter?.stop(),
      this.#events.flush(),
      this.#nodeServices.stop(),
      ...this.#listeners.map((listener) => listener.close()),
    ]);
  }

  #every(milliseconds: number, run: () => void): void {
    const timer = setInterval(run, milliseconds);
    timer.unref();
    this.#timers.push(timer);
  }

  #makeSources(): Sources {
    const { client, log } = this.#deps;
    return new Sources(
      client,
      this.#options.nodeName,
      {
        service: (key, service) => {
          this.#metrics.kubeProxy.serviceChangeSeen();
          this.#changed(this.#sync.service(key, service));
        },
        endpointSlice: (key, slice) => {
          this.#metrics.kubeProxy.endpointChangeSeen();
          this.#changed(this.#sync.endpointSlice(key, slice));
        },
        node: (node) => this.#nodeChanged(node),
        serviceCIDRs: (cidrs) => {
          this.#sync.setServiceCIDRs(cidrs);
          this.#request();
        },
      },
      log,
    );
  }

  /** Kubelets touch their Node all the time; what the agent follows of it hardly ever changes. */
  #nodeChanged(node: NodeState | undefined): void {
    const text = JSON.stringify(node ?? null);
    if (text === this.#nodeText) return;
    this.#nodeText = text;
    this.#health.setNode(node?.health);
    if (!node) {
      this.#deps.log.warn('the cluster has no Node of this name: no endpoint is local, NodePorts have no address', {
        node: this.#options.nodeName,
      });
    }
    this.#changed(this.#sync.setNode(node));
    this.#request();
  }

  #makeNodeStateReflector(): Reflector<ProxyNodeState> {
    const { client, log } = this.#deps;
    return new Reflector<ProxyNodeState>({
      name: 'proxynodestates',
      client,
      path: resourcePath({ group, version, plural: proxyNodeStatePlural }),
      fieldSelector: `metadata.name=${this.#options.nodeName}`,
      transform: (raw: KubernetesObject) => raw as unknown as ProxyNodeState,
      handler: { changed: (_key, object) => this.#assigned(object) },
      onError: (error, { retryInSeconds }) =>
        log.warn('cannot follow the ProxyNodeState of this node', { reason: describeError(error), retryInSeconds }),
    });
  }

  #assigned(object: ProxyNodeState | undefined): void {
    this.#generation = object?.metadata.generation;
    if (!object) {
      this.#deps.log.warn('no ProxyConfig governs this node any more; what the kernel has stays in force');
      return;
    }
    this.#reporter?.adopt(object);
    const { configRef, revision, config } = object.spec;
    if (this.#sync.config?.revision !== revision) {
      this.#deps.log.info('assigned', { config: configRef.name, revision });
      this.#sync.configure({ name: configRef.name, revision, config });
      this.#request();
    }
    this.#reporter?.update();
  }

  #changed(change: Change | undefined): void {
    if (!change) return;
    for (const problem of change.problems.added) this.#reportProblem(problem);
    if (change.changed.size > 0) this.#request();
    else if (change.problems.added.length + change.problems.removed.length > 0) this.#reporter?.update();
  }

  #reportProblem({ object, reason, message }: Problem): void {
    this.#deps.log.warn(message, { reason, ...object });
    const apiVersion = object.kind === 'Service' ? 'v1' : 'discovery.k8s.io/v1';
    this.#events.event({ apiVersion, ...object }, 'Warning', reason, message);
  }

  #request(): void {
    if (!this.#sync.runnable) return;
    this.#eventArrivedAt ??= this.#deps.clock.monotonic();
    for (const family of families) {
      this.#health.queuedUpdate(family);
      this.#metrics.kubeProxy.syncQueued(family, this.#deps.clock.wall());
    }
    this.#pacer.trigger();
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const started = clock.monotonic();
    const arrived = this.#eventArrivedAt;
    this.#eventArrivedAt = undefined;
    for (const family of families) this.#health.syncStarted(family);
    this.#metrics.kubeProxy.changesTakenUp();
    try {
      const result = await this.#sync.run();
      this.#succeeded(result, (clock.monotonic() - started) / 1000, arrived);
    } catch (error) {
      this.#eventArrivedAt ??= arrived;
      for (const family of families) {
        this.#health.failed(family, describeError(error));
        this.#metrics.kubeProxy.syncFailed(family, (clock.monotonic() - started) / 1000);
      }
      this.#metrics.own.committed('failure', (clock.monotonic() - started) / 1000);
      throw error;
    }
  }

  #succeeded(result: SyncResult, seconds: number, arrived: number | undefined): void {
    const { clock, log } = this.#deps;
    const now = clock.wall();
    for (const family of families) {
      this.#health.synced(family);
      this.#metrics.kubeProxy.synced(family, { seconds, wallMilliseconds: now, full: result.full });
      for (const time of result.triggerTimes) this.#metrics.kubeProxy.networkProgrammed(family, (now - time) / 1000);
    }
    if (result.applied.transactions > 0) this.#metrics.own.committed('success', result.applied.milliseconds / 1000);
    if (arrived !== undefined) this.#metrics.own.applied((clock.monotonic() - arrived) / 1000);
    this.#followConfig();
    this.#nodeServices.synced(result, this.#sync.forwarding);
    this.#failure = undefined;
    this.#lastGoodRevision = this.#sync.appliedRevision;
    const detail = { ...result.applied, servicePorts: result.changes.length, full: result.full };
    if (!this.#memoryReleased) {
      this.#memoryReleased = true;
      setTimeout(releaseSpareMemory, releaseMemoryMilliseconds).unref();
    }
    if (result.full) log.info('synced', detail);
    else log.debug('synced', detail);
    this.#reporter?.update();
  }

  #failed(error: unknown, retryInMilliseconds: number): void {
    this.#failure = describeError(error);
    this.#deps.log.error('sync failed; the kernel keeps what it has', { reason: this.#failure, retryInMilliseconds });
    this.#reporter?.update();
  }

  /** Looks for commits by others; a table that the kernel does not protect is then compared and repaired. */
  async #verify(): Promise<void> {
    try {
      if (this.#kernel.generation === 0 || this.#pacer.failures > 0) return;
      if (!(await this.#kernel.foreignCommits()) || this.#kernel.owned) return;
      this.#deps.log.info('another program changed nftables; comparing the table');
      this.#sync.suspect();
      this.#request();
    } catch (error) {
      this.#deps.log.error('cannot ask the kernel for its generation', { reason: describeError(error) });
    }
  }

  #followConfig(): void {
    const { config, node } = this.#sync;
    if (!config) return;
    this.#nodeServices.setConntrack(config.config.conntrack);
    this.#nodeServices.setNodePortRanges(nodeSettings(config.config, node, []).nodePortAddresses);
  }

  async #followLoad(): Promise<void> {
    try {
      const weights = await this.#load.look(this.#sync.loadBalanced);
      if (weights.size === 0) return;
      this.#sync.setWeights(weights);
      this.#request();
    } catch (error) {
      this.#deps.log.warn('cannot count open connections; least-connections keeps its weights', {
        reason: describeError(error),
      });
    }
  }

  #retryQuarantined(): void {
    if (this.#kernel.quarantined.size === 0) return;
    this.#sync.retry(this.#kernel.quarantined.values());
    this.#request();
  }

  #makeMetrics(): AgentMetrics {
    const { reader, clock, log } = this.#deps;
    return new AgentMetrics({
      version: packageVersion,
      families,
      sources: {
        mapElements: () => this.#kernel.elementCounts,
        quarantinedServicePorts: () => this.#kernel.quarantined.size,
        watches: () => this.#sources.statistics(clock.wall()),
        connectionCounts: () => connectionCounts(reader, this.#kernel.state),
        noLocalEndpoints: () => countNoLocalEndpoints(this.#sync.forwarding?.values() ?? []),
        localhostListeners: (family) => this.#nodeServices.localhostListeners(family),
      },
      onCollectFailure: (error) => log.warn('cannot read the connection counters', { reason: describeError(error) }),
    });
  }
}
