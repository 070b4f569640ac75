import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Pacer } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { writeWhole } from './write-whole.ts';

const retry = { first: 1000, atMost: 300_000 };

/** What a {@link KeptFile} is made from. */
export interface KeptFileOptions {
  /** Where the file is to be; undefined: nothing is kept. */
  readonly directory: string | undefined;
  readonly name: string;
  /** What the file should hold; undefined: nothing to keep, which is no reason to throw away what there is. */
  readonly text: () => string | undefined;
  /** Sentences for the log. */
  readonly told: { readonly unwritable: string; readonly unusable: string };
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * A small file on the node's own disk, for an agent that starts while nobody tells it anything. Written only when its text
 * is another one. A disk that is full or read-only stops nothing: it is logged, `kept` says so, and it is tried again.
 */
export class KeptFile {
  readonly #o: KeptFileOptions;
  readonly #path: string | undefined;
  readonly #pacer: Pacer;
  #written: string | undefined;
  #failing = false;

  constructor(options: KeptFileOptions) {
    const { directory, name, told, clock, log } = options;
    this.#o = options;
    this.#path = directory === undefined ? undefined : join(directory, name);
    this.#pacer = new Pacer({
      run: () => this.#write(),
      rest: () => 1000,
      retry,
      onFailure: (error, retryInMilliseconds) => {
        this.#failing = true;
        log.warn(told.unwritable, { file: this.#path, error, retryInMilliseconds });
      },
      clock,
    });
  }

  /** False while the file cannot be written. */
  get kept(): boolean {
    return !this.#failing;
  }

  /** What an earlier run kept; undefined if there is nothing, or nothing that `decode` takes: that is logged. */
  async read<T>(decode: (text: string) => T): Promise<T | undefined> {
    if (this.#path === undefined) return undefined;
    try {
      const text = await readFile(this.#path, 'utf8');
      const content = decode(text);
      this.#written = text;
      return content;
    } catch (error) {
      if (!isMissing(error)) this.#o.log.warn(this.#o.told.unusable, { file: this.#path, error });
      return undefined;
    }
  }

  /** The text may be another one now. */
  changed(): void {
    if (this.#path === undefined) return;
    const text = this.#o.text();
    if (text !== undefined && text !== this.#written) this.#pacer.trigger();
  }

  /** Throws away what there is. @throws Error of the file system */
  async forget(): Promise<void> {
    if (this.#path !== undefined) await rm(this.#path, { force: true });
    this.#written = undefined;
  }

  /** Resolves when no write is under way any more. */
  stop(): Promise<void> {
    return this.#pacer.stop();
  }

  async #write(): Promise<void> {
    const text = this.#o.text();
    if (this.#path === undefined || text === undefined || text === this.#written) return;
    await writeWhole(this.#path, text);
    this.#written = text;
    this.#failing = false;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
