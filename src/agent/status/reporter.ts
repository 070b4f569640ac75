import {
  agentFieldManager,
  agentSilent,
  apiVersion,
  conditionOf,
  group,
  proxyNodeStateKind,
  proxyNodeStatePlural,
  version,
} from '../../api/index.ts';
import type { ProxyNodeState, ProxyNodeStateStatus } from '../../api/index.ts';
import { resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import { Pacer } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { NodeLease } from './node-lease.ts';
import { statusOf } from './status.ts';
import type { AgentState } from './status.ts';

/** Counts are reported this seldom, so that a busy cluster does not make every node write all the time. */
const quietMilliseconds = 10_000;

/**
 * Writes the status of this node's ProxyNodeState by server-side apply: at once when the revision or a condition
 * changed, otherwise at most every ten seconds or so, and only when something did change.
 */
export class Reporter {
  readonly #client: Pick<ApiClient, 'apply'>;
  readonly #nodeName: string;
  readonly #state: () => AgentState;
  readonly #agentVersion: string;
  readonly #agentRevision: string | undefined;
  readonly #clock: Clock;
  readonly #pacer: Pacer;
  /** The status as the object had it at first, and then as it was written. */
  #before: ProxyNodeStateStatus | undefined;
  #generation: number | undefined;
  #uid: string | undefined;
  #written: string | undefined;
  #urgent: string | undefined;
  readonly #lease: () => Pick<NodeLease, 'held' | 'seconds'>;
  #cancelLater: (() => void) | undefined;
  /** The status of the object while the operator says there that it hears nothing of this agent. */
  #silence: ProxyNodeStateStatus | undefined;
  #hasLease = false;

  constructor(options: {
    client: Pick<ApiClient, 'apply'>;
    nodeName: string;
    state: () => AgentState;
    lease: () => Pick<NodeLease, 'held' | 'seconds'>;
    agentVersion: string;
    agentRevision?: string | undefined;
    clock: Clock;
    log: Logger;
  }) {
    this.#client = options.client;
    this.#nodeName = options.nodeName;
    this.#state = options.state;
    this.#lease = options.lease;
    this.#agentVersion = options.agentVersion;
    this.#agentRevision = options.agentRevision;
    this.#clock = options.clock;
    this.#pacer = new Pacer({
      run: () => this.#write(),
      rest: () => 200,
      retry: { first: 500, atMost: 30_000 },
      onFailure: (error, retryInMilliseconds) => {
        options.log.warn('cannot report to the ProxyNodeState; trying again', {
          error,
          retryInMilliseconds,
        });
      },
      clock: options.clock,
    });
  }

  /**
   * The object to report into; nothing is written while there is none. The conditions that it already has are taken
   * over, so that a restart does not move their transition times.
   */
  follow(object: ProxyNodeState | undefined): void {
    const { generation, uid }: Partial<ProxyNodeState['metadata']> = object?.metadata ?? {};
    this.#generation = generation;
    if (uid !== this.#uid) this.#forget();
    this.#uid = uid;
    if (!object) return;
    this.#before ??= object.status;
    const silent = conditionOf(object.status?.conditions, 'Synced')?.reason === agentSilent;
    this.#silence = silent ? object.status : undefined;
    this.#answer();
    this.update();
  }

  /** The Lease was renewed: it is reported that there is one, and now this agent may contradict who calls it silent. */
  renewed(): void {
    const first = !this.#hasLease;
    this.#hasLease = true;
    if (this.#answer() || first) this.update();
  }

  /** The last attempt to write failed. */
  get failing(): boolean {
    return this.#pacer.failures > 0;
  }

  /**
   * What the operator said in this agent's place is replaced by what is; not before the Lease proves that somebody is
   * here, or the operator would say it again. True if it is to be written now.
   */
  #answer(): boolean {
    if (this.#silence === undefined || !this.#lease().held) return false;
    this.#before = this.#silence;
    this.#silence = undefined;
    this.#written = undefined;
    this.#urgent = undefined;
    return true;
  }

  /** Another object of the same name knows nothing of what its predecessor was told. */
  #forget(): void {
    this.#before = undefined;
    this.#silence = undefined;
    this.#written = undefined;
    this.#urgent = undefined;
  }

  /** Something may have changed. */
  update(): void {
    const status = this.#status();
    if (!status) return;
    if (urgentPart(status) !== this.#urgent) {
      this.#pacer.trigger();
      return;
    }
    this.#cancelLater ??= this.#clock.after(quietMilliseconds * (1 + Math.random() / 2), () => {
      this.#cancelLater = undefined;
      this.#pacer.trigger();
    });
  }

  async stop(): Promise<void> {
    this.#cancelLater?.();
    await this.#pacer.stop();
  }

  #status(): ProxyNodeStateStatus | undefined {
    const generation = this.#generation;
    if (generation === undefined || this.#silence !== undefined) return undefined;
    return statusOf({
      state: this.#state(),
      previous: this.#before,
      now: new Date(this.#clock.wall()),
      observedGeneration: generation,
      agentVersion: this.#agentVersion,
      agentRevision: this.#agentRevision,
      leaseSeconds: this.#lease().seconds,
    });
  }

  async #write(): Promise<void> {
    const status = this.#status();
    if (!status) return;
    const text = JSON.stringify(status);
    if (text === this.#written) return;
    const path = resourcePath({
      group,
      version,
      plural: proxyNodeStatePlural,
      name: this.#nodeName,
      subresource: 'status',
    });
    const body = { apiVersion, kind: proxyNodeStateKind, metadata: { name: this.#nodeName }, status };
    await this.#client.apply(path, body, { fieldManager: agentFieldManager, force: true });
    this.#written = text;
    this.#urgent = urgentPart(status);
    this.#before = status;
  }
}

/** What must not wait: everything but the counts. */
function urgentPart(status: ProxyNodeStateStatus): string {
  const { observedGeneration, appliedRevision, leaseDurationSeconds, conditions } = status;
  return JSON.stringify([observedGeneration, appliedRevision, leaseDurationSeconds, conditions]);
}
