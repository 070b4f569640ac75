import type { Clock, Logger } from '../../runtime/index.ts';
import { KeptFile } from '../kept-file/index.ts';
import type { SyncObserver } from '../sync/index.ts';
import { decodeLastGood, encodeLastGood } from './content.ts';
import type { LastGood } from './content.ts';

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
 * Written after a sync, only when it is something else than before.
 */
export class LastGoodFile implements SyncObserver {
  readonly #o: LastGoodFileOptions;
  readonly #file: KeptFile;
  /** What the last sync was about: after nearly all of them it is the same, and need not be made into text. */
  #seen: LastGood | undefined;

  constructor(options: LastGoodFileOptions) {
    const { directory, nodeName, clock, log } = options;
    this.#o = options;
    this.#file = new KeptFile({
      directory,
      name: 'configuration.json',
      text: () => {
        const current = this.#o.current();
        return current && encodeLastGood(nodeName, current);
      },
      told: {
        unwritable: 'cannot keep the last good configuration on this node; a restart would need the API server',
        unusable: 'the last good configuration of this node cannot be used',
      },
      ...{ clock, log },
    });
  }

  /** False while the file cannot be written. */
  get kept(): boolean {
    return this.#file.kept;
  }

  /** What an earlier run kept; undefined if there is nothing, or nothing that this node can use. */
  read(): Promise<LastGood | undefined> {
    return this.#file.read((text) => decodeLastGood(this.#o.nodeName, text));
  }

  synced(): void {
    const current = this.#o.current();
    if (isSame(current, this.#seen)) return;
    this.#seen = current;
    this.#file.changed();
  }

  /** Keeps nothing any more: the node is to have nothing of ours. @throws Error of the file system */
  forget(): Promise<void> {
    return this.#file.forget();
  }

  /** Resolves when no write is under way any more. */
  stop(): Promise<void> {
    return this.#file.stop();
  }
}

/** By identity: other objects may still mean the same. */
function isSame(a: LastGood | undefined, b: LastGood | undefined): boolean {
  return a?.config === b?.config && a?.node === b?.node;
}
