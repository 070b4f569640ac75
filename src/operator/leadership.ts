import { LeaderElector } from '../kubernetes/index.ts';
import type { ApiClient } from '../kubernetes/index.ts';
import type { OperatorLog } from './log.ts';
import type { OperatorOptions } from './options.ts';

/** Name of the Lease. */
export const leaseName = 'nftproxy-operator';

/** One term of leadership: what runs from winning the Lease to losing it. */
export interface Term {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly synced: boolean;
}

const firstRetrySeconds = 1;
const longestRetrySeconds = 30;

/** Runs a term while this process leads, a new one each time, and tries again when one cannot be started. */
export class Leadership<T extends Term> {
  readonly #elector: LeaderElector | undefined;
  readonly #makeTerm: () => T;
  readonly #log: OperatorLog;
  #term: T | undefined;
  #retry: NodeJS.Timeout | undefined;
  #leading = false;
  /** The end of the last term; a new one waits for it. */
  #ended: Promise<void> = Promise.resolve();

  constructor(client: ApiClient, options: OperatorOptions, log: OperatorLog, makeTerm: () => T) {
    this.#makeTerm = makeTerm;
    this.#log = log;
    if (!options.leaderElect) return;
    this.#elector = new LeaderElector({
      client,
      namespace: options.namespace,
      name: leaseName,
      identity: options.identity,
      onStartedLeading: () => this.#lead(),
      onStoppedLeading: () => this.#follow(),
      onError: (error) => log.warn(`Lease ${options.namespace}/${leaseName}: ${error.message}`),
    });
  }

  get leading(): boolean {
    return this.#leading;
  }

  /** The term under way. */
  get term(): T | undefined {
    return this.#term;
  }

  start(): void {
    if (this.#elector === undefined) this.#lead();
    else this.#elector.start();
  }

  /** Ends the term, then gives up the Lease, so that the next leader finds nobody at work. */
  async stop(): Promise<void> {
    this.#endTerm();
    await this.#ended;
    await this.#elector?.stop();
  }

  #lead(): void {
    this.#leading = true;
    this.#log.info('leading');
    this.#begin(firstRetrySeconds);
  }

  #follow(): void {
    this.#log.info('not leading any more');
    this.#endTerm();
  }

  #begin(retrySeconds: number): void {
    const term = this.#makeTerm();
    this.#term = term;
    const started = this.#ended.then(() => (this.#term === term ? term.start() : undefined));
    started.catch((error: unknown) => {
      if (this.#term !== term) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error(`cannot start: ${reason}; trying again in ${retrySeconds} s`);
      this.#ended = term.stop();
      const next = Math.min(retrySeconds * 2, longestRetrySeconds);
      this.#retry = setTimeout(() => this.#begin(next), retrySeconds * 1000);
    });
  }

  #endTerm(): void {
    clearTimeout(this.#retry);
    this.#leading = false;
    const term = this.#term;
    this.#term = undefined;
    if (term !== undefined) this.#ended = this.#ended.then(() => term.stop());
  }
}
