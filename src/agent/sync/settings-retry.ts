import { Backoff } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { RefusedSetup } from './settings-in-force.ts';

const waits = { first: 1000, atMost: 30_000 };

/**
 * Says that the kernel refused the node's settings, and has them tried again after a while that grows: what it refuses
 * now (for want of memory, or because of a name that another table uses) it may take later. Other settings are tried at
 * once, without this.
 */
export class SettingsRetry {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #retry: () => void;
  readonly #backoff = new Backoff(waits);
  #last: RefusedSetup | undefined;
  #cancel: (() => void) | undefined;

  constructor(o: { retry: () => void; clock: Clock; log: Logger }) {
    this.#retry = o.retry;
    this.#clock = o.clock;
    this.#log = o.log;
  }

  /** After a sync: what of the node's settings it left refused. */
  synced(refused: RefusedSetup | undefined): void {
    if (refused === this.#last) return;
    if (!refused) this.#log.info('the settings of this node are in force again');
    if (refused?.settings !== this.#last?.settings) this.#backoff.reset();
    this.#last = refused;
    this.stop();
    if (refused) this.#schedule(refused);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule({ config: { name: config, revision }, error, rolledBack }: RefusedSetup): void {
    if (rolledBack) {
      this.#log.error('settings were rolled back; the last good ones are in force until these change', {
        ...{ config, revision, error },
      });
      return;
    }
    const retryInMilliseconds = this.#backoff.next();
    this.#log.error('the kernel refused the settings of this node; the last good ones stay in force', {
      config,
      revision,
      error,
      retryInMilliseconds,
    });
    this.#cancel = this.#clock.after(retryInMilliseconds, this.#retry);
  }
}
