import { Inject, Injectable } from '@nestjs/common';
import { Backoff, sleep } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { CLOCK, LOGGER } from '../injection.ts';
import { ELECTION } from './election.ts';
import type { Election } from './election.ts';
import type { Term } from './term.ts';
import { Terms } from './terms.ts';

const retryLimits = { first: 1000, atMost: 30_000 };

/**
 * Runs a term while this process leads: a new one each time, and another when one cannot be started. Never two at a
 * time: a turn begins when the last term of the turn before has ended.
 */
@Injectable()
export class Leadership {
  readonly #election: Election;
  readonly #terms: Pick<Terms, 'next'>;
  readonly #log: Logger;
  readonly #clock: Clock;
  /** Aborted when the turn ends; undefined while this process does not lead. */
  #turn: AbortController | undefined;
  #term: Term | undefined;
  /** Resolves when the last turn has been served to its end. */
  #served: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    @Inject(ELECTION) election: Election,
    @Inject(Terms) terms: Pick<Terms, 'next'>,
    @Inject(LOGGER) log: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#election = election;
    this.#terms = terms;
    this.#log = log;
    this.#clock = clock;
  }

  get leading(): boolean {
    return this.#turn !== undefined;
  }

  /** The term under way; undefined also while this process leads but a term could not be started. */
  get term(): Term | undefined {
    return this.#term;
  }

  start(): void {
    this.#election.start({ won: () => this.#begin(), lost: () => this.#end() });
  }

  /** Ends the term, then gives up the Lease, so that the next leader finds nobody at work. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#end();
    await this.#served;
    await this.#election.stop();
  }

  #begin(): void {
    if (this.#stopped) return;
    this.#log.info('leading');
    const turn = new AbortController();
    this.#turn = turn;
    this.#served = this.#served.then(() => this.#serve(turn.signal));
  }

  #end(): void {
    if (this.#turn === undefined) return;
    this.#log.info('not leading any more');
    this.#turn.abort();
    this.#turn = undefined;
  }

  /** One turn, from its beginning to its end; never rejects. */
  async #serve(over: AbortSignal): Promise<void> {
    const backoff = new Backoff(retryLimits);
    while (!isAborted(over)) {
      try {
        await this.#runTerm(over);
      } catch (error) {
        const retryInMilliseconds = backoff.next();
        this.#log.error('cannot lead; trying again', { error, retryInMilliseconds });
        await sleep(this.#clock, retryInMilliseconds, over);
      }
    }
  }

  /** One term until the turn is over. Rejects if it cannot be started. */
  async #runTerm(over: AbortSignal): Promise<void> {
    const term = await this.#terms.next();
    this.#term = term;
    try {
      if (!isAborted(over)) await Promise.race([term.start(), aborted(over)]);
      await aborted(over);
    } finally {
      this.#term = undefined;
      await term.stop();
    }
  }
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Asked as a function because the compiler believes that a signal once found untroubled stays so. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
