import { EventRecorder } from '../kubernetes/index.ts';
import type { ApiClient } from '../kubernetes/index.ts';
import type { ConntrackSocket } from '../conntrack/index.ts';
import { RunningDataPlane } from '../dataplane/index.ts';
import type { DataPlaneFactories } from '../dataplane/index.ts';
import { packageVersion } from '../runtime/index.ts';
import type { Clock, HttpListener, Logger } from '../runtime/index.ts';
import { agentMetrics } from './agent-metrics.ts';
import { MemoryRelease } from './memory-release.ts';
import { NodeServices } from './node-services.ts';
import { agentServers, ProxyHealth, SyncMetrics } from './observe/index.ts';
import type { AgentOptions } from './options.ts';
import { ObjectIntake } from './object-intake.ts';
import { Assignment, ConfigurationFile, Sources } from './sources/index.ts';
import type { Assigned } from './sources/index.ts';
import { agentState, ProblemReporter, RefusalReporter, Reporter } from './status/index.ts';
import { DesiredState, LoadFollower, Sync, SyncLoop } from './sync/index.ts';

const families = [4, 6] as const;
/** An update that has waited this long makes /healthz fail: twice kube-proxy's sync period. */
const healthTimeoutMilliseconds = 60_000;

/** What an agent needs from outside. */
export interface AgentDependencies {
  readonly client: ApiClient;
  readonly dataPlanes: DataPlaneFactories;
  readonly conntrack: ConntrackSocket;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * One node's agent, wired: follows the API server, keeps the data plane in line, reports.
 *
 * ```
 *   Sources ── ObjectIntake ──> DesiredState ── SyncLoop: Sync ──> RunningDataPlane ──> kernel
 *   ConfigurationFile | Assignment ──^               |
 *                                    observers: SyncMetrics (health, metrics), NodeServices, Reporter
 * ```
 */
export class Agent {
  readonly #deps: AgentDependencies;
  readonly #state: DesiredState;
  readonly #dataPlane: RunningDataPlane;
  readonly #loop: SyncLoop;
  readonly #sources: Sources;
  readonly #events: EventRecorder;
  readonly #nodeServices: NodeServices;
  readonly #reporter: Reporter;
  readonly #assignment: Assignment | undefined;
  readonly #configurationFile: ConfigurationFile | undefined;
  readonly #servers: readonly HttpListener[];
  readonly #intake: ObjectIntake;

  constructor(options: AgentOptions, deps: AgentDependencies) {
    const { client, log, clock, conntrack } = deps;
    const { nodeName, sysctlDirectory, healthAddress, metricsAddress } = options;
    const state = new DesiredState(nodeName, clock.wall());
    const dataPlane = new RunningDataPlane(deps.dataPlanes, log);
    const sync = new Sync({ state, dataPlane, log });
    const events = new EventRecorder({ client, component: 'nftproxy-agent', instance: nodeName });
    const health = new ProxyHealth({ clock, timeoutMilliseconds: healthTimeoutMilliseconds, families });
    const metrics = agentMetrics({
      ...{ families, state, sync, dataPlane, clock, log },
      watches: (now) => this.#sources.statistics(now),
      localhostListeners: (family) => this.#nodeServices.localhostListeners(family),
    });
    this.#deps = deps;
    this.#state = state;
    this.#dataPlane = dataPlane;
    this.#events = events;
    const proxyHealthy = (): boolean => health.healthy;
    this.#nodeServices = new NodeServices({
      ...{ state, conntrack, events, metrics, proxyHealthy, sysctlDirectory, log, clock },
    });
    this.#reporter = new Reporter({
      ...{ client, nodeName, agentVersion: packageVersion, clock, log },
      state: () => agentState({ state, sync, dataPlane, failure: this.#loop.failure }),
    });
    this.#loop = new SyncLoop({
      ...{ sync, state, load: new LoadFollower(conntrack), clock, log },
      observers: [
        new SyncMetrics({ families, health, metrics, clock }),
        this.#nodeServices,
        { synced: () => this.#reporter.update(), failed: () => this.#reporter.update() },
        new RefusalReporter({ events, quarantine: sync.quarantine }),
        new MemoryRelease(clock),
      ],
    });
    this.#intake = new ObjectIntake({
      ...{ state, health, metrics: metrics.kubeProxy, nodeName, log },
      problems: new ProblemReporter({ events, log }),
      changed: () => this.#loop.request(),
      problemsChanged: () => this.#reporter.update(),
    });
    this.#sources = new Sources({ client, nodeName, handler: this.#intake, log });
    if (options.config !== undefined) this.#configurationFile = new ConfigurationFile(options.config, log);
    else this.#assignment = new Assignment({ client, nodeName, log, changed: (assigned) => this.#assigned(assigned) });
    this.#servers = agentServers({ healthAddress, metricsAddress, health, metrics, state, dataPlane, log, clock });
  }

  /** Starts everything; rejects only if the configuration file cannot be used. */
  async start(): Promise<void> {
    const { log } = this.#deps;
    if (this.#configurationFile) {
      this.#state.configure(await this.#configurationFile.read());
      this.#configurationFile.watch((config) => {
        log.info('the configuration file changed', { revision: config.revision });
        this.#state.configure(config);
        this.#loop.request();
      });
    }
    for (const server of this.#servers) await server.start();
    this.#sources.start();
    this.#assignment?.start();
    void this.#sources.synced().then(
      () => {
        this.#intake.synced();
        this.#loop.start();
      },
      // Stopped before everything was known: there is nothing to begin.
      () => undefined,
    );
  }

  /** Stops without touching the kernel: rules stay in force and connections go on. */
  async stop(): Promise<void> {
    this.#configurationFile?.stop();
    await this.#loop.stop();
    await Promise.all([
      ...[this.#sources.stop(), this.#assignment?.stop(), this.#reporter.stop(), this.#events.flush()],
      ...[this.#nodeServices.stop(), ...this.#servers.map((server) => server.close())],
    ]);
    this.#dataPlane.close();
  }

  #assigned(assigned: Assigned | undefined): void {
    const { log } = this.#deps;
    this.#reporter.follow(assigned?.object);
    if (!assigned) {
      log.warn('no ProxyConfig governs this node any more; what the kernel has stays in force');
      return;
    }
    const { name, revision } = assigned.config;
    if (this.#state.config?.revision === revision) return;
    log.info('assigned', { config: name, revision });
    this.#state.configure(assigned.config);
    this.#loop.request();
  }
}
