import { defaultNamespace } from '../api/index.ts';
import { EventRecorder } from '../kubernetes/index.ts';
import type { ApiClient } from '../kubernetes/index.ts';
import type { ConntrackSocket } from '../conntrack/index.ts';
import { RunningDataPlane } from '../dataplane/index.ts';
import type { DataPlaneFactories } from '../dataplane/index.ts';
import { packageVersion } from '../runtime/index.ts';
import type { Clock, HttpListener, Logger } from '../runtime/index.ts';
import { KnownServers } from './api-servers/index.ts';
import { agentMetrics } from './agent-metrics.ts';
import { Governing } from './governing.ts';
import { LastGoodFile } from './last-good/index.ts';
import { MemoryRelease } from './memory-release.ts';
import { NodeServices } from './node-services.ts';
import { agentServers, ProxyHealth, SyncMetrics } from './observe/index.ts';
import type { AgentOptions } from './options.ts';
import { ObjectIntake } from './object-intake.ts';
import { Sources } from './sources/index.ts';
import { agentState, doubtOf, NodeLease, ProblemReporter, RefusalReporter, Reporter } from './status/index.ts';
import { connect, DesiredState, LoadFollower, Sync, SyncLoop, targetsOf, Trial } from './sync/index.ts';

const families = [4, 6] as const;
/** An update that has waited this long makes /healthz fail: twice kube-proxy's sync period. */
const healthTimeoutMilliseconds = 60_000;

/** What an agent needs from outside. */
export interface AgentDependencies {
  readonly client: ApiClient;
  /** Of the connection to the API server, for what the options do not say. */
  readonly namespace: string | undefined;
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
 *   Governing ───────────────────────^               |
 *                                    observers: SyncMetrics (health, metrics), NodeServices, Reporter, LastGoodFile
 * ```
 */
export class Agent {
  readonly #deps: AgentDependencies;
  readonly #sync: Sync;
  readonly #dataPlane: RunningDataPlane;
  readonly #loop: SyncLoop;
  readonly #sources: Sources;
  readonly #events: EventRecorder;
  readonly #nodeServices: NodeServices;
  readonly #reporter: Reporter;
  readonly #lease: NodeLease;
  readonly #governing: Governing;
  readonly #lastGood: LastGoodFile;
  readonly #apiServers: KnownServers;
  readonly #servers: readonly HttpListener[];
  readonly #intake: ObjectIntake;

  /** @param cleanUp told when the node is to have nothing of ours any more: the ProxyConfig that it had last */
  constructor(options: AgentOptions, deps: AgentDependencies, cleanUp: (config: string) => void) {
    const { client, log, clock, conntrack } = deps;
    const { nodeName, sysctlDirectory, healthAddress, metricsAddress, stateDirectory, config: file } = options;
    const state = new DesiredState(nodeName, clock.wall());
    const dataPlane = new RunningDataPlane(deps.dataPlanes, log);
    const targets = () => targetsOf(client.servers, state.forwarding?.values() ?? []);
    const trial = new Trial({ targets, connect, clock });
    const sync = new Sync({ state, dataPlane, log, trial, changed: () => this.#loop.request() });
    const events = new EventRecorder({ client, component: 'nftproxy-agent', instance: nodeName });
    const health = new ProxyHealth({ clock, timeoutMilliseconds: healthTimeoutMilliseconds, families });
    const watches = () => this.#sources.statistics(clock.wall());
    const metrics = agentMetrics({
      ...{ families, state, sync, dataPlane, watches, log },
      localhostListeners: (family) => this.#nodeServices.localhostListeners(family),
      uncovered: () => this.#governing.uncovered,
      lastGoodKept: () => this.#lastGood.kept,
    });
    this.#deps = deps;
    this.#sync = sync;
    this.#dataPlane = dataPlane;
    this.#events = events;
    const proxyHealthy = (): boolean => health.healthy;
    this.#nodeServices = new NodeServices({
      ...{ state, conntrack, events, metrics, proxyHealthy, sysctlDirectory, log, clock },
    });
    this.#reporter = new Reporter({
      ...{ client, nodeName, agentVersion: packageVersion, agentRevision: options.agentRevision, clock, log },
      lease: () => this.#lease,
      state: () =>
        agentState({
          ...{ state, sync, dataPlane, governing: this.#governing, nodeServices: this.#nodeServices },
          failure: this.#loop.failure,
        }),
    });
    this.#lastGood = new LastGoodFile({
      ...{ directory: stateDirectory, nodeName, clock, log },
      current: () => sync.applied && { config: sync.applied, node: state.node },
    });
    this.#apiServers = new KnownServers({
      ...{ servers: client.servers, given: options.apiServers, toldDirectory: options.apiServersDirectory },
      ...{ stateDirectory, clock, log },
    });
    this.#loop = new SyncLoop({
      ...{ sync, state, load: new LoadFollower(conntrack), clock, log },
      observers: [
        new SyncMetrics({ families, health, metrics, clock }),
        this.#nodeServices,
        { synced: () => this.#reporter.update(), failed: () => this.#reporter.update() },
        new RefusalReporter({ events, quarantine: sync.quarantine }),
        this.#lastGood,
        new MemoryRelease(clock),
      ],
    });
    this.#intake = new ObjectIntake({
      ...{ state, health, metrics: metrics.kubeProxy, apiServers: this.#apiServers, nodeName, log },
      problems: new ProblemReporter({ events, log }),
      changed: () => this.#loop.request(),
      problemsChanged: () => this.#reporter.update(),
    });
    this.#sources = new Sources({ client, nodeName, handler: this.#intake, log });
    this.#governing = new Governing({
      ...{ client, nodeName, file, state, reporter: this.#reporter, events, clock, log },
      changed: () => this.#loop.request(),
      cleanUp,
    });
    this.#lease = new NodeLease({
      ...{ client, nodeName, clock, log },
      namespace: options.namespace ?? deps.namespace ?? defaultNamespace,
      renewed: () => this.#reporter.renewed(),
      doubt: () =>
        doubtOf({
          watches: [...watches(), ...this.#governing.watches(clock.wall())],
          reportFails: this.#reporter.failing,
        }),
    });
    this.#servers = agentServers({
      ...{ healthAddress, metricsAddress, health, metrics, sync, state, dataPlane, watches, log, clock },
    });
  }

  /** Starts everything; rejects only if the configuration file cannot be used. */
  async start(): Promise<void> {
    const lastGood = await this.#lastGood.read();
    await this.#apiServers.start();
    if (lastGood) this.#sync.fallBackTo(lastGood.config);
    await this.#governing.start();
    for (const server of this.#servers) await server.start();
    this.#sources.start();
    void this.#sources.synced().then(
      () => {
        this.#intake.synced(lastGood?.node);
        this.#loop.start();
        if (this.#governing.byOperator) this.#lease.start();
        return this.#governing.settle(lastGood?.config);
      },
      // Stopped before everything was known: there is nothing to begin.
      () => undefined,
    );
  }

  /** Stops without touching the kernel: rules stay in force and connections go on. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await Promise.all([
      ...[this.#sources.stop(), this.#governing.stop(), this.#lease.stop(), this.#reporter.stop()],
      ...[this.#events.flush(), this.#apiServers.stop(), this.#lastGood.stop(), this.#nodeServices.stop()],
      ...this.#servers.map((server) => server.close()),
    ]);
    this.#dataPlane.close();
  }
}
