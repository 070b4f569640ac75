import type { ApiClient, EventRecorder } from '../kubernetes/index.ts';
import { sleep } from '../runtime/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import { Assignment, ConfigurationFile } from './sources/index.ts';
import type { Assigned, AssignedConfig, WatchStatistics } from './sources/index.ts';
import { noConfiguration } from './status/index.ts';
import type { ProblemReporter, Reporter } from './status/index.ts';
import type { DesiredState } from './sync/index.ts';

/** How long an agent that knows all Services waits for its ProxyNodeState before it goes on with what it had. */
const patienceMilliseconds = 5000;

/** What {@link Governing} is made from. */
export interface GoverningOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  /** A ProxyConfig manifest to follow instead of what the operator assigns. */
  readonly file: string | undefined;
  readonly state: Pick<DesiredState, 'config' | 'configure'>;
  readonly reporter: Pick<Reporter, 'follow' | 'update'>;
  readonly events: Pick<EventRecorder, 'event'>;
  /** Told whether this node writes the Events in which all agents see the same. */
  readonly problems: Pick<ProblemReporter, 'speak'>;
  /** Told whether kube-proxy is parked on this node. */
  readonly kubeProxyParked: (parked: boolean) => void;
  /** The node is to get another configuration. */
  readonly changed: () => void;
  /** The node is to have nothing of ours any more; the ProxyConfig that it had last. */
  readonly cleanUp: (config: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Which configuration this node runs: that of a file, what the operator assigns, or, while nobody assigns anything, the
 * last good one. An agent that is not governed goes on all the same, and says so.
 */
export class Governing {
  readonly #o: GoverningOptions;
  readonly #file: ConfigurationFile | undefined;
  readonly #assignment: Assignment | undefined;
  readonly #stopping = new AbortController();
  #settled = false;
  #uncovered = false;

  constructor(options: GoverningOptions) {
    const { client, nodeName, file, log } = options;
    this.#o = options;
    if (file !== undefined) this.#file = new ConfigurationFile(file, log);
    else this.#assignment = new Assignment({ client, nodeName, log, changed: (assigned) => this.#assigned(assigned) });
  }

  /** The configuration comes from the operator, and not from a file. */
  get byOperator(): boolean {
    return this.#assignment !== undefined;
  }

  /** No ProxyConfig governs this node, as far as it can tell; what it had stays in force. */
  get uncovered(): boolean {
    return this.#uncovered;
  }

  /** How the watch of what the operator assigns fares; empty where a file is followed. */
  watches(): WatchStatistics[] {
    return this.#assignment === undefined ? [] : [this.#assignment.statistics()];
  }

  /** Begins to follow the configuration. Rejects only if the configuration file cannot be used. */
  async start(): Promise<void> {
    this.#assignment?.start();
    if (!this.#file) return;
    // Nobody is there to choose one of the nodes.
    this.#o.problems.speak(true);
    this.#o.state.configure(await this.#file.read());
    this.#file.watch((config) => {
      this.#o.log.info('the configuration file changed', { revision: config.revision });
      this.#configure(config);
    });
  }

  /**
   * Everything but a configuration is known. If none is assigned, or the API server does not say so for some seconds,
   * the last good one is taken; an assignment that comes later takes over.
   */
  async settle(lastGood: AssignedConfig | undefined): Promise<void> {
    if (!this.#assignment) return;
    const { clock, state } = this.#o;
    // Stopped before it was known: there is nothing to settle.
    const known = this.#assignment.synced.catch(() => undefined);
    await Promise.race([known, sleep(clock, patienceMilliseconds, this.#stopping.signal)]);
    this.#settled = true;
    if (this.#stopping.signal.aborted || this.#isGoverned() || this.#assignment.current?.cleanUpAfter) return;
    if (!state.config && lastGood) this.#configure(lastGood);
    this.#tellUncovered();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#file?.stop();
    await this.#assignment?.stop();
  }

  #isGoverned(): boolean {
    return this.#assignment?.current?.config !== undefined;
  }

  #assigned(assigned: Assigned | undefined): void {
    this.#uncovered = !assigned?.config;
    this.#tell(assigned);
    if (assigned?.cleanUpAfter !== undefined) this.#o.cleanUp(assigned.cleanUpAfter);
    else if (assigned?.config) this.#governedBy(assigned.config);
    // Before, an earlier run's configuration may still come.
    else if (this.#settled) this.#tellUncovered();
  }

  /** Those to whom a word of the assignment goes. */
  #tell(assigned: Assigned | undefined): void {
    this.#o.reporter.follow(assigned?.object);
    this.#o.problems.speak(assigned?.objectEvents ?? false);
    this.#o.kubeProxyParked(assigned?.kubeProxyParked ?? false);
  }

  #governedBy(config: AssignedConfig): void {
    const { state, log } = this.#o;
    const { name, revision } = config;
    if (state.config?.revision === revision && state.config.name === name) return;
    log.info('assigned', { config: name, revision });
    this.#configure(config);
  }

  #configure(config: AssignedConfig): void {
    this.#o.state.configure(config);
    this.#o.changed();
  }

  #tellUncovered(): void {
    const { state, reporter, events, nodeName, log } = this.#o;
    this.#uncovered = true;
    reporter.update();
    const { name: config, revision } = state.config ?? {};
    if (config === undefined) {
      log.warn('no ProxyConfig governs this node, and it has never had one: it waits for the operator to assign one');
      return;
    }
    log.warn('no ProxyConfig governs this node; it goes on with the last good settings and follows endpoints', {
      ...{ config, revision },
    });
    const regarding = { apiVersion: 'v1', kind: 'Node', name: nodeName };
    events.event(regarding, 'Warning', 'NoConfiguration', noConfiguration(config));
  }
}
