import { Backoff } from '../../runtime/index.ts';
import { ApiError, ConnectionError, isGone } from '../client/index.ts';
import { SilenceError } from './silence.ts';

/** How a reflector goes on after a failure. */
export interface NextAttempt {
  readonly waitMilliseconds: number;
  /** The version that was followed leads nowhere any more: the collection is to be listed again. */
  readonly list: boolean;
  /** It is part of normal life, and nobody need hear of it. */
  readonly expected: boolean;
}

const waits = { first: 800, atMost: 30_000 };
/** How often in a row the server may reject a resumed watch before the collection is listed again. */
const rejectionsBeforeList = 3;

/** Decides how to go on after a failed list or watch, from all that failed since something last went well. */
export class Recovery {
  readonly #backoff: Backoff;
  #rejections = 0;

  constructor(random: (() => number) | undefined) {
    this.#backoff = new Backoff(random === undefined ? waits : { ...waits, random });
  }

  /** The server has answered a watch as it should. */
  succeeded(): void {
    this.#backoff.reset();
    this.#rejections = 0;
  }

  /** A list or watch has failed with this error. */
  after(error: Error): NextAttempt {
    const first = this.#backoff.failures === 0;
    const wait = this.#backoff.next();
    if (!(error instanceof ConnectionError || error instanceof SilenceError)) this.#rejections += 1;
    // A version that the server keeps rejecting (after a restore of its database, say) will not get better.
    const list = isGone(error) || this.#rejections >= rejectionsBeforeList;
    if (list) this.#rejections = 0;
    // An expired version is part of normal life, and a list helps at once, unless it happens again and again.
    if (isGone(error) && first) return { waitMilliseconds: 0, list, expected: true };
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    return { waitMilliseconds: Math.max(wait, Math.ceil(asked)), list, expected: false };
  }
}
