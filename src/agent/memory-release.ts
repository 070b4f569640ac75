import { collectGarbageEarly, releaseSpareMemory } from '../runtime/index.ts';
import type { Clock } from '../runtime/index.ts';
import type { SyncObserver } from './sync/index.ts';

/** After the first sync: by then what follows it (conntrack, status) is done too. */
const afterMilliseconds = 1000;

/** Keeps a process that lives for months on every node small: gives back, once, what only a start needs. */
export class MemoryRelease implements SyncObserver {
  readonly #clock: Clock;
  #done = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    collectGarbageEarly();
  }

  synced(): void {
    if (this.#done) return;
    this.#done = true;
    this.#clock.after(afterMilliseconds, releaseSpareMemory);
  }
}
