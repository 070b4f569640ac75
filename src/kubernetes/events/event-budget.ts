import type { Clock } from '../../runtime/index.ts';

interface Bucket {
  tokens: number;
  updatedAt: number;
}

const burst = 25;
const secondsPerToken = 300;
const rememberedObjects = 1000;

/**
 * How many different Events may be written about one object: 25 at once, and one more every five minutes, as with
 * Kubernetes' own recorders.
 */
export class EventBudget {
  readonly #buckets = new Map<string, Bucket>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes one from the budget of an object; answers false if it is spent. */
  take(object: string): boolean {
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(object) ?? { tokens: burst, updatedAt: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.updatedAt) / 1000 / secondsPerToken);
    bucket.updatedAt = now;
    // To the end of the map, so that the objects at its beginning are those least recently heard of.
    this.#buckets.delete(object);
    this.#buckets.set(object, bucket);
    this.#forget();
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #forget(): void {
    for (const object of this.#buckets.keys()) {
      if (this.#buckets.size <= rememberedObjects) return;
      this.#buckets.delete(object);
    }
  }
}
