import { addWritten, nothingWritten } from '../../dataplane/index.ts';
import type {
  DataPlane,
  Fallback,
  FrontendAddress,
  NodeSettings,
  Refusal,
  RunningDataPlane,
  Written,
} from '../../dataplane/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { ServicePort } from '../../services/index.ts';
import type { AssignedConfig } from '../sources/index.ts';
import type { DesiredState, EndpointTrigger, Pending } from './desired-state.ts';
import { FallbackRetry } from './fallback-retry.ts';
import { Quarantine } from './quarantine.ts';
import { isSame, SettingsInForce } from './settings-in-force.ts';
import type { RefusedSetup, Setup } from './settings-in-force.ts';
import { TrialCourse } from './trial/index.ts';
import type { Examiner } from './trial/index.ts';

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
  /** The changes of endpoints that this sync brought to the kernel. */
  readonly triggers: readonly EndpointTrigger[];
  /** The node's settings that are in force: those that are wanted, unless they are refused. */
  readonly settings: NodeSettings;
  /** What the kernel refused of the node's settings, in this sync or in one before it. */
  readonly refusedSetup: RefusedSetup | undefined;
}

/** What writing came to, apart from what {@link Sync.run} knows beforehand. */
type Outcome = Pick<SyncResult, 'full' | 'written' | 'changes' | 'removedFrontends'>;

/**
 * From the wanted state to the kernel, one `run` at a time (a pacer sees to that).
 *
 * ```
 *   DesiredState ── run() ──┬─ first time, another mode, or after a surprise: start (everything compared)
 *                           └─ otherwise: setNode and apply (only what changed)
 * ```
 *
 * Settings of the node that the kernel refuses stop nothing: the last good ones stay in force, and Services are followed.
 * Another configuration's are on trial at first: if something that worked does not any more, the last good ones return,
 * and those are refused if it works again then.
 */
export class Sync {
  readonly #state: DesiredState;
  readonly #dataPlane: RunningDataPlane;
  readonly #log: Logger;
  readonly #quarantine = new Quarantine();
  readonly #fallbacks: FallbackRetry;
  readonly #inForce = new SettingsInForce();
  readonly #changed: () => void;
  readonly #trials: TrialCourse | undefined;
  #earlier: AssignedConfig | undefined;
  #begun = false;
  #suspicious = true;
  #retryQuarantined = false;

  /**
   * @param o.trial how to find out whether settings leave alone what works; left out: all that the kernel takes are good
   * @param o.changed a trial has something for the next run
   */
  constructor(o: {
    state: DesiredState;
    dataPlane: RunningDataPlane;
    log: Logger;
    trial?: Examiner;
    changed?: () => void;
  }) {
    this.#changed = o.changed ?? (() => undefined);
    this.#trials =
      o.trial && new TrialCourse({ ...{ trial: o.trial, inForce: this.#inForce, log: o.log }, changed: this.#changed });
    this.#state = o.state;
    this.#dataPlane = o.dataPlane;
    this.#fallbacks = new FallbackRetry(o.dataPlane);
    this.#log = o.log;
  }

  /** Service ports that the kernel refused. */
  get quarantine(): Quarantine {
    return this.#quarantine;
  }

  /** The configuration that the kernel has and that is good; undefined before the first sync. */
  get applied(): AssignedConfig | undefined {
    return this.#inForce.good?.config;
  }

  /** Revision of the configuration that the kernel has; undefined before the first sync. */
  get appliedRevision(): string | undefined {
    return this.applied?.revision;
  }

  /** What an earlier run had in force: gone on with if the kernel refuses the very first settings of this one. */
  fallBackTo(config: AssignedConfig): void {
    this.#earlier = config;
  }

  /** Whether slots choose for a Service port: an engine counts for itself. */
  choosesBySlots({ id }: ServicePort): boolean {
    return this.#dataPlane.current?.served.get(id)?.via === undefined;
  }

  /** The node's settings that the kernel refused; undefined while it has what is wanted. */
  get refusedSetup(): RefusedSetup | undefined {
    return this.#inForce.refused;
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

  /**
   * The next run tries Service ports again that slots serve for want of what is there now, or that something served which has
   * ended. False if there are none.
   *
   * @param those only if there are fallbacks like these; left out: in any case
   */
  retryFallbacks(those?: (fallback: Fallback) => boolean): Promise<boolean> {
    return this.#fallbacks.look(those);
  }

  /** The next run tries the node's settings again that the kernel refused. False if there are none. */
  retrySettings(): boolean {
    return this.#inForce.retry();
  }

  /** Nobody will run it any more. */
  stop(): void {
    this.#trials?.stop();
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
    try {
      const outcome = await this.#bring(this.#choose({ config, settings }), pending);
      const { inKernel, refused } = this.#inForce;
      const { triggers } = pending;
      return { ...outcome, triggers, settings: inKernel?.settings ?? settings, refusedSetup: refused };
    } catch (error) {
      this.#suspicious = true;
      this.#state.putBack(pending);
      throw error;
    }
  }

  /** What to write: with a trial to be made, the last good setup until what works is known. */
  #choose(wanted: Setup): Setup {
    const { good, onTrial } = this.#inForce;
    if (!good && this.#trials) return this.#first(wanted);
    const chosen = this.#inForce.choose(wanted);
    if (!good || chosen === good || chosen === onTrial || !this.#needsTrial(chosen)) return chosen;
    if (this.#trials?.mayApply(chosen)) return chosen;
    this.#inForce.retry();
    return good;
  }

  /** An agent that starts with another configuration than its predecessor's has that at first, to try the other one. */
  #first(wanted: Setup): Setup {
    const earlier = this.#begun ? undefined : this.#earlierSetup();
    this.#begun = true;
    if (!earlier || earlier.config.revision === wanted.config.revision || isSame(earlier, wanted)) return wanted;
    this.#changed();
    return earlier;
  }

  /** What only follows the node or the cluster is no change of settings: what was before is no better. */
  #needsTrial(setup: Setup): boolean {
    const { good } = this.#inForce;
    if (!this.#trials || !good) return false;
    return good.config.revision !== setup.config.revision && !isSame(good, setup);
  }

  /** The kernel has taken it. */
  #took(setup: Setup): void {
    const { good, onTrial } = this.#inForce;
    if (setup === onTrial) return;
    if (setup === good || !this.#needsTrial(setup)) {
      this.#inForce.taken(setup);
      void this.#trials?.returned();
      return;
    }
    void this.#trials?.applied(setup);
  }

  async #bring(setup: Setup, pending: Pending): Promise<Outcome> {
    const { current } = this.#dataPlane;
    if (!current || !this.#dataPlane.serves(setup.config.config.mode) || this.#suspicious) return this.#full(setup);
    const written = await this.#follow(current, setup);
    const outcome = await this.#incremental(current, pending);
    await this.#dataPlane.removeOthers();
    return { ...outcome, written: addWritten(written, outcome.written) };
  }

  async #full(setup: Setup): Promise<Outcome> {
    const good = this.#inForce.good ?? this.#earlierSetup();
    try {
      const outcome = await this.#compareAll(setup);
      this.#took(setup);
      return outcome;
    } catch (error) {
      if (!good || isSame(good, setup)) throw error;
      // If the last good settings fail as well, it is not these that are at fault.
      const outcome = await this.#compareAll(good);
      this.#inForce.taken(good);
      this.#inForce.refuse(setup, error);
      return outcome;
    }
  }

  #earlierSetup(): Setup | undefined {
    const settings = this.#earlier && this.#state.settingsFor(this.#earlier);
    return this.#earlier && settings && { config: this.#earlier, settings };
  }

  async #compareAll({ config, settings }: Setup): Promise<Outcome> {
    const before = new Map(this.#dataPlane.current?.served);
    const ports = this.#state.all();
    // Before: what somebody does meanwhile must be looked at again.
    this.#suspicious = false;
    const { written, refused, removedFrontends } = await this.#dataPlane.start(config.config.mode, ports, settings);
    this.#retryQuarantined = false;
    this.#quarantine.settleAll(ports, refused);
    this.#logRefused(refused);
    const after = this.#dataPlane.current?.served;
    const ids = new Set([...before.keys(), ...ports.keys()]);
    const changes = [...ids].map((id) => ({ before: before.get(id)?.port, after: after?.get(id)?.port }));
    return { full: true, written, changes, removedFrontends };
  }

  /** Brings the node's settings to the kernel, if they are others than it has; it may keep those. */
  async #follow(dataPlane: DataPlane, setup: Setup): Promise<Written> {
    const { good, inKernel } = this.#inForce;
    let written = nothingWritten;
    try {
      if (!inKernel || !isSame(inKernel, setup)) written = await dataPlane.setNode(setup.settings);
      this.#took(setup);
    } catch (error) {
      if (!good || setup === good) throw error;
      this.#inForce.refuse(setup, error);
    }
    return written;
  }

  async #incremental(dataPlane: DataPlane, pending: Pending): Promise<Outcome> {
    const wanted = this.#fallbacks.retryWith(pending.changes);
    const tried = this.#retryQuarantined ? this.#quarantine.retryWith(wanted) : wanted;
    this.#retryQuarantined = false;
    const before = new Map([...tried.keys()].map((id) => [id, dataPlane.served.get(id)?.port]));
    const { written, refused } = await dataPlane.apply(tried, this.#quarantine.ids);
    this.#quarantine.settle(tried, refused);
    this.#logRefused(refused);
    const changes = [...before].map(([id, port]) => ({ before: port, after: dataPlane.served.get(id)?.port }));
    return { full: false, written, changes, removedFrontends: [] };
  }

  #logRefused(refused: readonly Refusal[]): void {
    for (const { id, reason } of refused) {
      this.#log.error('the kernel refused a Service port; it is set aside, all others are served', {
        servicePort: id,
        error: reason,
      });
    }
  }
}
