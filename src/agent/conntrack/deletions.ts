import type { Clock } from '../../runtime/index.ts';

/** Deletions between two turns of the event loop. */
const deletionsPerTurn = 200;

/** Deletes entries one by one; one that cannot be deleted does not keep the others. */
export class Deletions<Entry> {
  readonly #delete: (entry: Entry) => Promise<boolean>;
  readonly #clock: Clock;
  #tried = 0;
  #failed = 0;
  #firstError: unknown;
  #done = 0;

  /** @param deleteOne resolves to false if the entry was gone already */
  constructor(deleteOne: (entry: Entry) => Promise<boolean>, clock: Clock) {
    this.#delete = deleteOne;
    this.#clock = clock;
  }

  /** Entries that are deleted by it. */
  get done(): number {
    return this.#done;
  }

  /** Whether some could not be deleted. */
  get failed(): boolean {
    return this.#failed > 0;
  }

  async delete(entry: Entry): Promise<void> {
    try {
      if (await this.#delete(entry)) this.#done++;
    } catch (error) {
      this.#failed++;
      this.#firstError ??= error;
    }
    if (++this.#tried % deletionsPerTurn === 0) await new Promise<void>((resolve) => this.#clock.soon(resolve));
  }

  throwIfFailed(): void {
    if (this.#failed === 0) return;
    const cause = this.#firstError;
    throw new Error(`${this.#failed} of ${this.#tried} stale conntrack entries could not be deleted`, { cause });
  }
}
