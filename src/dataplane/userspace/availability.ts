import { Backoff, describeError } from '../../runtime/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { HaproxyError } from '../../haproxy/index.ts';
import { Heartbeat } from './heartbeat.ts';
import type { Proxy } from './proxy.ts';

/** How long an answer holds, while Service ports come that want the proxy. */
const answerMilliseconds = 1000;
/** A HAProxy that answers for a moment only, again and again, is waited for longer each time ... */
const damping = { first: 1000, atMost: 30_000, jitter: 0 };
/** ... until it has answered for so long. */
const steadyMilliseconds = 30_000;

type Watched = Pick<Proxy, 'catchUp' | 'giveUp' | 'lost' | 'probe' | 'silent' | 'tidy' | 'whenEnded'>;

/**
 * Whether HAProxy serves: that is noticed when it ends, and soon after it has fallen silent, as a process that is stopped or
 * hangs; its sockets accept connections all the same.
 */
export class Availability {
  readonly #proxy: Watched;
  readonly #log: Logger;
  readonly #heartbeat = new Heartbeat(async () => {
    try {
      await this.#beat();
    } catch (error) {
      this.#tell('cannot tell whether HAProxy serves; asking again', error);
    }
  });
  readonly #damping = new Backoff(damping);
  #up = false;
  #upSince = -Infinity;
  #notBefore = -Infinity;
  #missing: string | undefined;
  #probedAt = -Infinity;
  #trouble: string | undefined;
  #tellLost: () => void = () => undefined;

  constructor(o: { proxy: Watched; log: Logger }) {
    this.#proxy = o.proxy;
    this.#log = o.log;
    this.#proxy.whenEnded(() => void this.#ended());
  }

  /** It serves. */
  get up(): boolean {
    return this.#up;
  }

  /** Why it does not, for people; undefined if it does, or nobody has looked. */
  get missing(): string | undefined {
    return this.#missing;
  }

  /** Has a listener called at once when it does not serve any more. */
  whenLost(listener: () => void): void {
    this.#tellLost = listener;
  }

  /** It serves from now on. */
  begin(): void {
    if (!this.#up) this.#upSince = performance.now();
    this.#up = true;
    this.#heartbeat.start();
  }

  /** It is to serve no more. */
  end(): void {
    this.#up = false;
    this.#heartbeat.stop();
  }

  /** Whether it can serve, as it was found a moment ago. One that was silent then is not waited for. */
  async isThere(): Promise<boolean> {
    if (this.#proxy.silent) return false;
    if (performance.now() - this.#probedAt >= answerMilliseconds) return this.probe();
    return this.#missing === undefined;
  }

  /** Whether it can serve again, if it may yet. */
  async isBack(): Promise<boolean> {
    return performance.now() >= this.#notBefore && (await this.probe());
  }

  /** Whether it can serve; what is missing is told once. */
  async probe(): Promise<boolean> {
    const missing = await this.#proxy.probe();
    this.#probedAt = performance.now();
    if (missing !== undefined && missing !== this.#missing) {
      this.#log.warn('HAProxy cannot serve; Services are served by slots', { reason: missing });
    }
    this.#missing = missing;
    return missing === undefined;
  }

  /** Looks whether it still serves, and clears up what has ended in it. Never rejects for what HAProxy says, or does not. */
  async look(): Promise<void> {
    await this.#beat();
    if (!this.#up) return;
    try {
      await this.#proxy.catchUp();
      await this.#proxy.tidy();
      this.#trouble = undefined;
    } catch (error) {
      if (!(error instanceof HaproxyError)) throw error;
      this.#tell('HAProxy serves, and does not say what has ended in it; trying again', error);
    }
  }

  close(): void {
    this.#heartbeat.stop();
  }

  async #beat(): Promise<void> {
    if (!this.#up) return;
    const lost = await this.#proxy.lost();
    // Two may have asked.
    if (lost !== undefined && this.up) this.#lose(lost);
  }

  #lose(reason: string): void {
    this.end();
    this.#missing = reason;
    this.#probedAt = performance.now();
    this.#log.error('HAProxy does not serve any more; its Services go back to slots', { error: reason });
    if (this.#proxy.silent) this.#dampen();
    // Changes that wait for it wait no more, so that slots come now.
    this.#proxy.giveUp();
    this.#tellLost();
  }

  #dampen(): void {
    const now = performance.now();
    if (now - this.#upSince > steadyMilliseconds) this.#damping.reset();
    this.#notBefore = now + this.#damping.next();
  }

  /** It may have ended. */
  async #ended(): Promise<void> {
    try {
      if (this.#up) await this.look();
    } catch (error) {
      this.#log.error('cannot find out whether HAProxy has ended', { error });
    }
  }

  /** The same trouble is told once: it is looked for every second. */
  #tell(message: string, error: unknown): void {
    const text = describeError(error);
    // What was waited for when it went is told already.
    if (!this.up || text === this.#trouble) return;
    this.#trouble = text;
    this.#log.warn(message, { error });
  }
}
