import { removeAll, RunningDataPlane } from '../dataplane/index.ts';
import { describeError, Pacer } from '../runtime/index.ts';
import type { HttpListener } from '../runtime/index.ts';
import type { AgentDependencies } from './agent.ts';
import { agentMetrics } from './agent-metrics.ts';
import { LastGoodFile } from './last-good/index.ts';
import { NodeContact } from './node-contact.ts';
import { agentServers, ProxyHealth } from './observe/index.ts';
import type { AgentOptions } from './options.ts';
import { Assignment } from './sources/index.ts';
import type { AgentState } from './status/index.ts';
import { DesiredState, Sync } from './sync/index.ts';

const families = [4, 6] as const;
const retry = { first: 1000, atMost: 60_000 };

/** What ends it, and why it is. */
export interface IdleOptions {
  /** The ProxyConfig that the node had last. */
  readonly config: string;
  /** A ProxyConfig governs the node again. */
  readonly governed: () => void;
}

/**
 * A node that no ProxyConfig governs, and whose last one said `onDelete: Cleanup`: takes everything of ours out of the
 * kernel and from the node's disk, says so, and waits until the node is governed again. The agent must have stopped.
 *
 * It writes nothing, and it is no node for load balancers (`/healthz`); it lives and is ready all the same.
 */
export class Idle {
  readonly #deps: AgentDependencies;
  readonly #o: IdleOptions;
  readonly #nodeName: string;
  readonly #assignment: Assignment;
  readonly #contact: NodeContact;
  readonly #lastGood: LastGoodFile;
  readonly #servers: readonly HttpListener[];
  readonly #pacer: Pacer;
  #done = false;
  #failure: string | undefined;

  constructor(options: AgentOptions, deps: AgentDependencies, idle: IdleOptions) {
    const { client, clock, log } = deps;
    const { nodeName, stateDirectory: directory } = options;
    this.#deps = deps;
    this.#o = idle;
    this.#nodeName = nodeName;
    this.#lastGood = new LastGoodFile({ ...{ directory, nodeName, clock, log }, current: () => undefined });
    this.#contact = new NodeContact(options, deps, {
      state: () => this.#state(),
      watches: () => [this.#assignment.statistics()],
    });
    this.#assignment = new Assignment({
      ...{ client, nodeName, log },
      changed: (assigned) => {
        this.#contact.reporter.follow(assigned?.object);
        // A ProxyNodeState that is gone says nothing: there is nothing left to go on with.
        if (assigned?.config !== undefined) idle.governed();
      },
    });
    this.#servers = this.#idleServers(options);
    this.#pacer = new Pacer({
      run: () => this.#clean(),
      rest: () => 0,
      retry,
      onFailure: (error, retryInMilliseconds) => {
        this.#failure = describeError(error);
        log.error('cannot remove what is in the kernel; trying again', { error, retryInMilliseconds });
        this.#contact.reporter.update();
      },
      clock,
    });
  }

  async start(): Promise<void> {
    await this.#contact.apiServers.start();
    for (const server of this.#servers) await server.start();
    this.#assignment.start();
    this.#contact.lease.start();
    this.#pacer.trigger();
  }

  /** Resolves when nothing is being removed any more. */
  async stop(): Promise<void> {
    await this.#pacer.stop();
    await Promise.all([
      ...[this.#assignment.stop(), this.#contact.stop(), this.#lastGood.stop()],
      ...this.#servers.map((server) => server.close()),
    ]);
  }

  async #clean(): Promise<void> {
    const { dataPlanes, log } = this.#deps;
    // First the file: an agent that is killed in between must not go on with it.
    await this.#lastGood.forget();
    const removed = [...(await removeAll(dataPlanes)).values()].filter((what) => what !== undefined);
    this.#done = true;
    this.#failure = undefined;
    const { config } = this.#o;
    log.warn('no ProxyConfig governs this node, and the last one says onDelete: Cleanup; nothing of it is left', {
      ...{ config, removed },
    });
    if (removed.length > 0) {
      const message = `removed ${removed.join(', ')}: no ProxyConfig governs this node, and ${config} says onDelete: Cleanup`;
      this.#contact.events.event(
        { apiVersion: 'v1', kind: 'Node', name: this.#nodeName },
        'Normal',
        'CleanedUp',
        message,
      );
    }
    this.#contact.reporter.update();
  }

  #state(): AgentState {
    return {
      cleanup: { config: this.#o.config, done: this.#done },
      ...(this.#failure !== undefined && { failure: this.#failure }),
      ...{ quarantined: [], services: 0, endpoints: 0, elements: 0, problems: [] },
    };
  }

  /** What an agent serves that has nothing in the kernel. */
  #idleServers(served: AgentOptions): HttpListener[] {
    const { dataPlanes, client, clock, log } = this.#deps;
    const state = new DesiredState(served.nodeName, clock.wall());
    const dataPlane = new RunningDataPlane(dataPlanes, log);
    const sync = new Sync({ state, dataPlane, log });
    const health = new ProxyHealth({ clock, timeoutMilliseconds: Number.POSITIVE_INFINITY, families });
    health.setNodeEligible(false);
    const watches = () => [];
    const metrics = agentMetrics({
      ...{ families, state, sync, dataPlane, watches, log },
      localhostListeners: () => 0,
      uncovered: () => true,
      lastGoodKept: () => true,
      connections: () => undefined,
    });
    const readiness = { faults: () => (this.#failure === undefined ? [] : [`cleanup: ${this.#failure}`]) };
    return agentServers({
      ...{ served, client, health, metrics, sync, state, dataPlane, watches, log, clock, readiness },
    });
  }
}
