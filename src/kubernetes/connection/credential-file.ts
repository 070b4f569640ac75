import { readFile } from 'node:fs/promises';
import { systemClock } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';

/**
 * A file whose content is replaced from time to time (projected service account tokens, rotated certificates): read
 * again when the last reading is older than a minute.
 */
export class CredentialFile {
  static readonly maxAgeMilliseconds = 60_000;
  readonly #path: string;
  readonly #usedFor: string;
  readonly #clock: Clock;
  #content: { text: string; readAt: number } | undefined;

  /** @param usedFor where the path comes from, for messages: `FILE: users[0].user.tokenFile` */
  constructor(path: string, usedFor: string, clock: Clock = systemClock) {
    this.#path = path;
    this.#usedFor = usedFor;
    this.#clock = clock;
  }

  /**
   * The content, without surrounding white space.
   *
   * @param o.renew read the file now, however recently that was done
   * @throws Error naming the path and what it is used for, if it cannot be read or is empty
   */
  async text(o: { renew: boolean } = { renew: false }): Promise<string> {
    const now = this.#clock.monotonic();
    const known = this.#content;
    if (known !== undefined && !o.renew && now - known.readAt < CredentialFile.maxAgeMilliseconds) return known.text;
    const text = await this.#read();
    this.#content = { text, readAt: now };
    return text;
  }

  async #read(): Promise<string> {
    let text: string;
    try {
      text = (await readFile(this.#path, 'utf8')).trim();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${this.#usedFor}: cannot read ${this.#path}: ${reason}`, { cause: error });
    }
    if (text === '') throw new Error(`${this.#usedFor}: ${this.#path} is empty`);
    return text;
  }
}
