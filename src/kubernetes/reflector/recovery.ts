import { Backoff } from '../../runtime/index.ts';
import { ApiError, ConnectionError, isGone } from '../client/index.ts';
import { HistoryError } from './history-error.ts';
import { SilenceError } from './silence.ts';

/** How a reflector goes on after a failure. */
export interface NextAttempt {
  readonly waitMilliseconds: number;
  /** The version that was followed leads nowhere any more: the collection is to be listed again. */
  readonly list: boolean;
  /** It is part of normal life, and nobody need hear of it. */
  readonly expected: boolean;
}

/** An API server that is away, or a balancer before it that finds none, is asked often: it costs nobody anything. */
const whileAway = { first: 800, atMost: 5000 };
/** One that answers with errors is spared. */
const whileFailing = { first: 800, atMost: 30_000 };
/** How often in a row the server may reject a resumed watch before the collection is listed again. */
const rejectionsBeforeList = 3;
/** A server may ask for this at most. Timers of Node that are set to more than 24 days end at once. */
const longestAskedMilliseconds = 300_000;
/** What a balancer answers whose API server is away. */
const nobodyThere = new Set([502, 503, 504]);

/** Decides how to go on after a failed list or watch, from all that failed since something last went well. */
export class Recovery {
  readonly #away: Backoff;
  readonly #failing: Backoff;
  #rejections = 0;
  #expired = false;

  constructor(random: (() => number) | undefined) {
    const chance = random === undefined ? {} : { random };
    this.#away = new Backoff({ ...whileAway, ...chance });
    this.#failing = new Backoff({ ...whileFailing, ...chance });
  }

  /** Nothing has gone well since something last failed. */
  get failing(): boolean {
    return this.#away.failures + this.#failing.failures > 0;
  }

  /** The server has answered a watch as it should. */
  succeeded(): void {
    this.#away.reset();
    this.#failing.reset();
    this.#rejections = 0;
    this.#expired = false;
  }

  /** A list or watch has failed with this error. */
  after(error: Error): NextAttempt {
    if (isGone(error)) return this.#afterExpiry();
    if (error instanceof HistoryError) return { waitMilliseconds: this.#failing.next(), list: true, expected: false };
    const reached = !(error instanceof ConnectionError || error instanceof SilenceError);
    if (reached) this.#rejections += 1;
    // A version that the server keeps rejecting (after a restore of its database, say) will not get better.
    const list = this.#rejections >= rejectionsBeforeList;
    if (list) this.#rejections = 0;
    const isAway = !reached || (error instanceof ApiError && nobodyThere.has(error.status));
    const wait = (isAway ? this.#away : this.#failing).next();
    return {
      waitMilliseconds: Math.max(wait, Math.min(askedMilliseconds(error), longestAskedMilliseconds)),
      list,
      expected: false,
    };
  }

  /**
   * An expired version is part of normal life, after an outage above all, and a list helps at once, unless it happens
   * again and again.
   */
  #afterExpiry(): NextAttempt {
    const again = this.#expired;
    this.#expired = true;
    this.#rejections = 0;
    return again
      ? { waitMilliseconds: this.#failing.next(), list: true, expected: false }
      : { waitMilliseconds: 0, list: true, expected: true };
  }
}

/** How long the server asks to be left alone. */
function askedMilliseconds(error: Error): number {
  return error instanceof ApiError ? Math.ceil((error.retryAfterSeconds ?? 0) * 1000) : 0;
}
