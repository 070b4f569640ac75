import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Pacer } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { SyncObserver } from '../sync/index.ts';
import { decodeLastGood, encodeLastGood } from './content.ts';
import type { LastGood } from './content.ts';
import { writeWhole } from './write-whole.ts';

const retry = { first: 1000, atMost: 300_000 };

/** What a {@link LastGoodFile} is made from. */
export interface LastGoodFileOptions {
  /** Where the file is to be; undefined: nothing is kept. */
  readonly directory: string | undefined;
  readonly nodeName: string;
  /** What the kernel has at this moment; undefined before it has anything. */
  readonly current: () => LastGood | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Keeps what the kernel last took on the node's own disk, for an agent that starts while nobody tells it anything.
 *
 * Written after a sync, only when it is something else than before. A disk that is full or read-only stops nothing: it
 * is logged, `kept` says so, and it is tried again.
 */
export class LastGoodFile implements SyncObserver {
  readonly #o: LastGoodFileOptions;
  readonly #path: string | undefined;
  readonly #pacer: Pacer;
  #written: string | undefined;
  /** What the last sync was about: after nearly all of them it is the same, and need not be made into text. */
  #seen: LastGood | undefined;
  #failing = false;

  constructor(options: LastGoodFileOptions) {
    const { directory, clock, log } = options;
    this.#o = options;
    this.#path = directory === undefined ? undefined : join(directory, 'configuration.json');
    this.#pacer = new Pacer({
      run: () => this.#write(),
      rest: () => 1000,
      retry,
      onFailure: (error, retryInMilliseconds) => {
        this.#failing = true;
        log.warn('cannot keep the last good configuration on this node; a restart would need the API server', {
          ...{ file: this.#path, error, retryInMilliseconds },
        });
      },
      clock,
    });
  }

  /** False while the file cannot be written. */
  get kept(): boolean {
    return !this.#failing;
  }

  /** What an earlier run kept; undefined if there is nothing, or nothing that this node can use. */
  async read(): Promise<LastGood | undefined> {
    if (this.#path === undefined) return undefined;
    try {
      const text = await readFile(this.#path, 'utf8');
      const lastGood = decodeLastGood(this.#o.nodeName, text);
      this.#written = text;
      return lastGood;
    } catch (error) {
      if (!isMissing(error)) {
        this.#o.log.warn('the last good configuration of this node cannot be used', { file: this.#path, error });
      }
      return undefined;
    }
  }

  synced(): void {
    const current = this.#o.current();
    if (this.#path === undefined || isSame(current, this.#seen)) return;
    this.#seen = current;
    if (this.#text() !== this.#written) this.#pacer.trigger();
  }

  /** Resolves when no write is under way any more. */
  stop(): Promise<void> {
    return this.#pacer.stop();
  }

  #text(): string | undefined {
    const current = this.#o.current();
    // Nothing to keep is no reason to throw away what there is.
    return current ? encodeLastGood(this.#o.nodeName, current) : this.#written;
  }

  async #write(): Promise<void> {
    const text = this.#text();
    if (this.#path === undefined || text === undefined || text === this.#written) return;
    await writeWhole(this.#path, text);
    this.#written = text;
    this.#failing = false;
  }
}

/** By identity: other objects may still mean the same. */
function isSame(a: LastGood | undefined, b: LastGood | undefined): boolean {
  return a?.config === b?.config && a?.node === b?.node;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
