import { describeFound, drainingServers } from '../../kube-proxy-rules/index.ts';
import type { KubeProxyRules, RemovedRules } from '../../kube-proxy-rules/index.ts';
import { describeError, every, Pacer } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';

/** How often it is looked whether rules of kube-proxy's are there, or have come back. */
const lookMilliseconds = 30_000;
const retry = { first: 1000, atMost: 60_000 };

/** What is known of kube-proxy's rules on this node. */
export interface KubeProxyState {
  /** kube-proxy is parked here: its rules are to go. */
  readonly parked: boolean;
  /** What of it is in the kernel, part by part, for people. */
  readonly found: readonly string[];
  /** Chains that stay because somebody else's rules lead to them. */
  readonly kept: readonly string[];
  /** Virtual servers of its mode ipvs that stay until their connections end, if they are all that is left. */
  readonly draining: number;
  /** This agent has taken rules of kube-proxy's out. */
  readonly cleaned: boolean;
  /** Why the last attempt to take them out failed. */
  readonly failure?: string;
}

/** What a {@link KubeProxyCleaner} is made from. */
export interface KubeProxyCleanerOptions {
  readonly rules: Pick<KubeProxyRules, 'find' | 'remove'>;
  /** nftproxy serves every Service: nobody misses kube-proxy's rules. */
  readonly inSync: () => boolean;
  /** {@link KubeProxyCleaner.state} says something else. */
  readonly changed: () => void;
  /** Rules have been taken out: which, for people. */
  readonly removed: (what: readonly string[]) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Looks for kube-proxy's rules, and takes them out while kube-proxy is parked and nftproxy serves everything; again when
 * they come back, and after a failure. Nothing is touched while kube-proxy is not parked.
 */
export class KubeProxyCleaner {
  readonly #o: KubeProxyCleanerOptions;
  readonly #pacer: Pacer;
  #stopLooking = (): void => undefined;
  #parked = false;
  #cleaned = false;
  #state: KubeProxyState | undefined;

  constructor(options: KubeProxyCleanerOptions) {
    this.#o = options;
    const { clock, log } = options;
    this.#pacer = new Pacer({
      run: () => this.#run(),
      rest: (last) => 10 * last,
      retry,
      onFailure: (error, retryInMilliseconds) => {
        log.warn("cannot look for kube-proxy's rules, or take them out; trying again", { error, retryInMilliseconds });
        this.#failed(describeError(error));
      },
      clock,
    });
  }

  /** Undefined until it has been looked. */
  get state(): KubeProxyState | undefined {
    return this.#state;
  }

  start(): void {
    this.#stopLooking = every(this.#o.clock, lookMilliseconds, () => this.#pacer.trigger());
    this.#pacer.trigger();
  }

  /** Whether kube-proxy is parked on this node. */
  park(parked: boolean): void {
    if (parked === this.#parked) return;
    this.#parked = parked;
    this.#pacer.triggerNow();
  }

  /** The kernel has taken something: what had to wait for it need not wait any longer. */
  synced(): void {
    if (this.#parked && this.#state?.found.length !== 0 && this.#o.inSync()) this.#pacer.trigger();
  }

  /** Resolves when nothing is being taken out any more. */
  async stop(): Promise<void> {
    this.#stopLooking();
    await this.#pacer.stop();
  }

  async #run(): Promise<void> {
    const { rules } = this.#o;
    let found = await rules.find();
    let kept: readonly string[] = [];
    let draining = 0;
    if (this.#mayRemove() && describeFound(found).length > 0) {
      kept = this.#tell(await rules.remove());
      found = await rules.find();
      draining = drainingServers(found);
    }
    this.#say({ parked: this.#parked, found: describeFound(found), kept, draining, cleaned: this.#cleaned });
  }

  #mayRemove(): boolean {
    return this.#parked && this.#o.inSync();
  }

  #tell({ removed, kept }: RemovedRules): readonly string[] {
    if (removed.length > 0) {
      this.#cleaned = true;
      this.#o.log.info('kube-proxy is parked: took its rules out', { removed, kept });
      this.#o.removed(removed);
    }
    return kept;
  }

  #failed(failure: string): void {
    const nothing = { found: [], kept: [], draining: 0 };
    this.#say({ ...nothing, ...this.#state, parked: this.#parked, cleaned: this.#cleaned, failure });
  }

  #say(state: KubeProxyState): void {
    const before = JSON.stringify(this.#state);
    this.#state = state;
    if (JSON.stringify(state) !== before) this.#o.changed();
  }
}
