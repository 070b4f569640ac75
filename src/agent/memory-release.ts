import { releaseSpareMemory } from '../runtime/index.ts';
import type { Clock } from '../runtime/index.ts';
import type { SyncObserver } from './sync/index.ts';

/** After the first sync: by then what follows it (conntrack, status) is done too. */
const afterMilliseconds = 1000;

/** Gives back, once, the memory that only a start needs. */
export class MemoryRelease implements SyncObserver {
  readonly #clock: Clock;
  #done = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  synced(): void {
    if (this.#done) return;
    this.#done = true;
    this.#clock.after(afterMilliseconds, releaseSpareMemory);
  }
}
