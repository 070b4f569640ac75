import { addWritten, nothingWritten } from '../../dataplane/index.ts';
import type {
  DataPlane,
  FrontendAddress,
  NodeSettings,
  Refusal,
  RunningDataPlane,
  Written,
} from '../../dataplane/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { ServicePort } from '../../services/index.ts';
import type { DesiredState, Pending } from './desired-state.ts';
import { Quarantine } from './quarantine.ts';

/** A Service port that changed: what the kernel held before, and what it holds now. */
export interface PortChange {
  readonly before: ServicePort | undefined;
  readonly after: ServicePort | undefined;
}

/** What a sync did, for metrics, conntrack and status. */
export interface SyncResult {
  /** The whole state was read and compared, not only changes written. */
  readonly full: boolean;
  readonly written: Written;
  readonly changes: readonly PortChange[];
  /** Frontends of an earlier run that are nobody's any more. */
  readonly removedFrontends: readonly FrontendAddress[];
  /** When the endpoint changes happened that this sync brought to the kernel, milliseconds since the epoch. */
  readonly triggerTimes: readonly number[];
}

/**
 * From the wanted state to the kernel, one `run` at a time (a pacer sees to that).
 *
 * ```
 *   DesiredState ── run() ──┬─ first time, another mode, or after a surprise: start (everything compared)
 *                           └─ otherwise: setNode and apply (only what changed)
 * ```
 */
export class Sync {
  readonly #state: DesiredState;
  readonly #dataPlane: RunningDataPlane;
  readonly #log: Logger;
  readonly #quarantine = new Quarantine();
  #suspicious = true;
  #retryQuarantined = false;
  #settings: string | undefined;
  #appliedRevision: string | undefined;

  constructor(o: { state: DesiredState; dataPlane: RunningDataPlane; log: Logger }) {
    this.#state = o.state;
    this.#dataPlane = o.dataPlane;
    this.#log = o.log;
  }

  /** Service ports that the kernel refused. */
  get quarantine(): Quarantine {
    return this.#quarantine;
  }

  /** Revision of the configuration that the kernel has; undefined before the first sync. */
  get appliedRevision(): string | undefined {
    return this.#appliedRevision;
  }

  /** The next run compares everything: after a foreign change, or when somebody asks. */
  suspect(): void {
    this.#suspicious = true;
  }

  /** The next run tries the Service ports again that the kernel refused. False if there are none. */
  retryQuarantined(): boolean {
    this.#retryQuarantined = this.#quarantine.size > 0;
    return this.#retryQuarantined;
  }

  /** Whether the kernel may have lost what was written since. */
  async drifted(): Promise<boolean> {
    return (await this.#dataPlane.current?.verify()) === 'changed';
  }

  /**
   * Brings the kernel to the wanted state. On failure everything stays pending, and the next run compares everything,
   * as the kernel's state is then not surely known.
   */
  async run(): Promise<SyncResult> {
    const { config, settings } = this.#state;
    if (!config || !settings) throw new Error('sync asked for before there is a configuration');
    const pending = this.#state.take();
    const { current } = this.#dataPlane;
    const { mode } = config.config;
    try {
      const result =
        current?.mode === mode && !this.#suspicious
          ? await this.#incremental(current, settings, pending)
          : await this.#full(mode, settings);
      this.#appliedRevision = config.revision;
      return { ...result, triggerTimes: pending.triggerTimes };
    } catch (error) {
      this.#suspicious = true;
      this.#state.putBack(pending);
      throw error;
    }
  }

  async #full(mode: string, settings: NodeSettings): Promise<Omit<SyncResult, 'triggerTimes'>> {
    const before = new Map(this.#dataPlane.current?.served);
    const ports = this.#state.all();
    // Before: what somebody does meanwhile must be looked at again.
    this.#suspicious = false;
    const { written, refused, removedFrontends } = await this.#dataPlane.start(mode, ports, settings);
    this.#retryQuarantined = false;
    this.#settings = JSON.stringify(settings);
    this.#quarantine.settleAll(ports, refused);
    this.#logRefused(refused);
    const after = this.#dataPlane.current?.served;
    const ids = new Set([...before.keys(), ...ports.keys()]);
    const changes = [...ids].map((id) => ({ before: before.get(id)?.port, after: after?.get(id)?.port }));
    return { full: true, written, changes, removedFrontends };
  }

  async #incremental(
    dataPlane: DataPlane,
    settings: NodeSettings,
    pending: Pending,
  ): Promise<Omit<SyncResult, 'triggerTimes'>> {
    let written = nothingWritten;
    const text = JSON.stringify(settings);
    if (text !== this.#settings) {
      written = await dataPlane.setNode(settings);
      this.#settings = text;
    }
    const tried = this.#retryQuarantined ? this.#quarantine.retryWith(pending.changes) : pending.changes;
    this.#retryQuarantined = false;
    const before = new Map([...tried.keys()].map((id) => [id, dataPlane.served.get(id)?.port]));
    const applied = await dataPlane.apply(tried, this.#quarantine.ids);
    written = addWritten(written, applied.written);
    this.#quarantine.settle(tried, applied.refused);
    this.#logRefused(applied.refused);
    const changes = [...before].map(([id, port]) => ({ before: port, after: dataPlane.served.get(id)?.port }));
    return { full: false, written, changes, removedFrontends: [] };
  }

  #logRefused(refused: readonly Refusal[]): void {
    for (const { id, reason } of refused) {
      this.#log.error('the kernel refused a Service port; it is set aside, all others are served', {
        servicePort: id,
        reason,
      });
    }
  }
}
