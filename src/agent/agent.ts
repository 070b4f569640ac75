import { networkInterfaces } from 'node:os';
import type { ConntrackSocket } from '../conntrack/index.ts';
import { RunningDataPlane } from '../dataplane/index.ts';
import type { DataPlaneFactories } from '../dataplane/index.ts';
import type { HttpListener } from '../runtime/index.ts';
import { agentMetrics } from './agent-metrics.ts';
import { Governing } from './governing.ts';
import type { KubeProxyRules } from '../kube-proxy-rules/index.ts';
import { KubeProxyCleaner } from './kube-proxy/index.ts';
import { maxEntries, TableWatch } from './conntrack/index.ts';
import { LastGoodFile } from './last-good/index.ts';
import { MemoryRelease } from './memory-release.ts';
import { NodeContact } from './node-contact.ts';
import type { ContactDependencies } from './node-contact.ts';
import { NodeServices } from './node-services.ts';
import { agentServers, ProxyHealth, SyncMetrics } from './observe/index.ts';
import type { AgentOptions } from './options.ts';
import { ObjectIntake } from './object-intake.ts';
import { NodePreflight } from './preflight/index.ts';
import type { NodeLooks } from './preflight/index.ts';
import { Sources } from './sources/index.ts';
import { agentState, Busiest, ProblemReporter, RefusalReporter, servesEverything } from './status/index.ts';
import { connect, DesiredState, LoadFollower, Sync, SyncLoop, targetsOf, Trial } from './sync/index.ts';

const families = [4, 6] as const;
/** An update that has waited this long makes /healthz fail: twice kube-proxy's sync period. */
const healthTimeoutMilliseconds = 60_000;

/** What Events of an agent are about that are about no object in particular. */
const node = { apiVersion: 'v1', kind: 'Node' };

/** What an agent needs from outside. */
export interface AgentDependencies extends ContactDependencies {
  readonly dataPlanes: DataPlaneFactories;
  readonly conntrack: ConntrackSocket;
  readonly kubeProxyRules: Pick<KubeProxyRules, 'find' | 'remove'>;
  readonly looks: NodeLooks;
  readonly returnFreedMemory: () => Promise<void>;
}

/**
 * One node's agent, wired: follows the API server, keeps the data plane in line, reports.
 *
 * ```
 *   Sources ── ObjectIntake ──> DesiredState ── SyncLoop: Sync ──> RunningDataPlane ──> kernel
 *   Governing ───────────────────────^  ^            |
 *                       NodePreflight ──'            |
 *                                    observers: SyncMetrics (health, metrics), NodeServices, Reporter, LastGoodFile
 * ```
 */
export class Agent {
  readonly #deps: AgentDependencies;
  readonly #sync: Sync;
  readonly #dataPlane: RunningDataPlane;
  readonly #loop: SyncLoop;
  readonly #sources: Sources;
  readonly #contact: NodeContact;
  readonly #nodeServices: NodeServices;
  readonly #governing: Governing;
  readonly #lastGood: LastGoodFile;
  readonly #kubeProxy: KubeProxyCleaner;
  readonly #preflight: NodePreflight;
  readonly #servers: readonly HttpListener[];
  readonly #intake: ObjectIntake;
  readonly #busiest: Busiest;
  readonly #table: TableWatch;

  /** @param cleanUp told when the node is to have nothing of ours any more: the ProxyConfig that it had last */
  constructor(options: AgentOptions, deps: AgentDependencies, cleanUp: (config: string) => void) {
    const { client, log, clock, conntrack } = deps;
    const { nodeName, sysctlDirectory, stateDirectory, config: file } = options;
    const state = new DesiredState(nodeName, clock.wall());
    const dataPlane = new RunningDataPlane(deps.dataPlanes, log, () => this.#loop.lost());
    const targets = () =>
      targetsOf(client.servers, state.forwarding?.values() ?? [], {
        addresses: Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []),
        nodePortAddresses: state.settings?.nodePortAddresses ?? [],
      });
    const trial = new Trial({ targets, connect, clock });
    const sync = new Sync({ state, dataPlane, log, trial, changed: () => this.#loop.request() });
    const health = new ProxyHealth({ clock, timeoutMilliseconds: healthTimeoutMilliseconds, families });
    const watches = () => this.#sources.statistics();
    this.#contact = new NodeContact(options, deps, {
      state: () =>
        agentState({
          ...{ state, sync, dataPlane, governing: this.#governing, nodeServices: this.#nodeServices },
          ...{ failure: this.#loop.failure, servers: this.#servers, busiest: this.#busiest },
          ...{ kubeProxy: this.#kubeProxy, preflight: this.#preflight },
        }),
      watches: () => [...watches(), ...this.#governing.watches()],
    });
    const { events, reporter, apiServers } = this.#contact;
    this.#busiest = new Busiest({
      counts: () => dataPlane.current?.counters() ?? Promise.resolve([]),
      changed: () => reporter.update(),
      ...{ clock, log },
    });
    this.#table = new TableWatch({
      occupancy: () => conntrack.occupancy(),
      full: (message) => events.event({ ...node, name: nodeName }, 'Warning', 'ConnectionTableFull', message),
      ...{ clock, log },
    });
    const metrics = agentMetrics({
      ...{ families, state, sync, dataPlane, watches, log },
      localhostListeners: (family) => this.#nodeServices.localhostListeners(family),
      uncovered: () => this.#governing.uncovered,
      lastGoodKept: () => this.#lastGood.kept,
      connections: () => this.#table.current,
    });
    this.#deps = deps;
    this.#sync = sync;
    this.#dataPlane = dataPlane;
    const proxyHealthy = (): boolean => health.healthy;
    this.#nodeServices = new NodeServices({
      ...{ state, conntrack, events, metrics, proxyHealthy, sysctlDirectory, log, clock },
    });
    this.#lastGood = new LastGoodFile({
      ...{ directory: stateDirectory, nodeName, clock, log },
      current: () => sync.applied && { config: sync.applied, node: state.node },
    });
    this.#preflight = new NodePreflight({
      wanted: () =>
        state.config === undefined
          ? {}
          : { mode: state.config.config.mode, conntrackMax: maxEntries(state.config.config.conntrack) },
      changed: () => reporter.update(),
      ...{ looks: deps.looks, clock, log },
    });
    this.#kubeProxy = new KubeProxyCleaner({
      ...{ rules: deps.kubeProxyRules, clock, log },
      inSync: () => servesEverything(state, sync, this.#loop.failure),
      changed: () => {
        reporter.update();
        this.#preflight.again();
      },
      removed: (what) => {
        const message = `kube-proxy is parked: removed ${what.join(', ')}`;
        events.event({ ...node, name: nodeName }, 'Normal', 'KubeProxyRulesRemoved', message);
      },
    });
    this.#loop = new SyncLoop({
      ...{ sync, state, load: new LoadFollower(conntrack), clock, log },
      allow: () => this.#preflight.allow(),
      observers: [
        new SyncMetrics({ families, health, metrics, clock }),
        this.#nodeServices,
        { synced: () => reporter.update(), failed: () => reporter.update() },
        new RefusalReporter({ events, quarantine: sync.quarantine }),
        this.#lastGood,
        { synced: () => this.#kubeProxy.synced(), failed: () => undefined },
        new MemoryRelease({ returnFreedMemory: deps.returnFreedMemory, clock, log }),
      ],
    });
    const problems = new ProblemReporter({ events, present: () => state.forwarding?.problems() ?? [], log });
    this.#intake = new ObjectIntake({
      ...{ state, health, metrics: metrics.kubeProxy, apiServers, problems, nodeName, log },
      changed: () => this.#loop.request(),
      problemsChanged: () => reporter.update(),
    });
    this.#sources = new Sources({ client, nodeName, handler: this.#intake, log });
    this.#governing = new Governing({
      ...{ client, nodeName, file, state, reporter, events, problems, clock, log },
      changed: () => {
        this.#preflight.again();
        this.#loop.request();
      },
      kubeProxyParked: (parked) => this.#kubeProxy.park(parked),
      cleanUp,
    });
    this.#servers = agentServers({
      ...{ served: options, client, health, metrics, sync, state, dataPlane, watches, log, clock },
      changed: () => reporter.update(),
    });
  }

  /** Starts everything; rejects only if the configuration file cannot be used. */
  async start(): Promise<void> {
    const lastGood = await this.#lastGood.read();
    await this.#contact.apiServers.start();
    if (lastGood) this.#sync.fallBackTo(lastGood.config);
    await this.#governing.start();
    for (const server of this.#servers) await server.start();
    this.#sources.start();
    this.#preflight.start();
    this.#table.start();
    void this.#sources.synced().then(
      () => {
        this.#intake.synced(lastGood?.node);
        this.#loop.start();
        if (this.#governing.byOperator) {
          this.#contact.lease.start();
          this.#busiest.start();
        }
        this.#kubeProxy.start();
        return this.#governing.settle(lastGood?.config);
      },
      // Stopped before everything was known: there is nothing to begin.
      () => undefined,
    );
  }

  /** Rules stay in force and connections go on; only what may end with this Pod gives its Services to the rules. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#dataPlane.standDown();
    await Promise.all([
      ...[this.#sources.stop(), this.#governing.stop(), this.#contact.stop()],
      ...[this.#lastGood.stop(), this.#nodeServices.stop(), this.#busiest.stop(), this.#kubeProxy.stop()],
      ...[this.#preflight.stop(), this.#table.stop()],
      ...this.#servers.map((server) => server.close()),
    ]);
    this.#dataPlane.close();
  }
}
