import { collectGarbageEarly, compileSparingly, releaseSpareMemory } from '../runtime/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import type { SyncObserver } from './sync/index.ts';

/** After the first sync: by then what follows it (conntrack, status) is done too. */
const afterMilliseconds = 1000;

/** What a {@link MemoryRelease} needs. */
export interface MemoryReleaseOptions {
  /** Gives what was freed outside of V8's heap back to the system. */
  readonly returnFreedMemory: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps a process that lives for months on every node small: gives back, once, what only a start needs. */
export class MemoryRelease implements SyncObserver {
  readonly #o: MemoryReleaseOptions;
  #done = false;

  constructor(options: MemoryReleaseOptions) {
    this.#o = options;
    collectGarbageEarly();
    compileSparingly();
  }

  synced(): void {
    if (this.#done) return;
    this.#done = true;
    const { returnFreedMemory, clock, log } = this.#o;
    clock.after(afterMilliseconds, () => {
      releaseSpareMemory();
      returnFreedMemory().catch((error: unknown) => log.warn('cannot give memory back to the system', { error }));
    });
  }
}
