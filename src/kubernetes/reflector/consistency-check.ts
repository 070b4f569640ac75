/**
 * Compares what a watch has told us with a fresh list, while the watch goes on.
 *
 * The list and the watch are never at the same version, so a difference alone proves nothing: the event may be under
 * way. Therefore:
 *
 * 1. Until the list is worked in, keys that an event touches are left out: whatever the list says of them, the watch is
 *    speaking about them itself.
 * 2. Differences in all other keys are repaired from the list, some at a time. Events up to the list's version that
 *    arrive for a repaired key are stale (their effect is in the list already) and acquit the watch.
 * 3. When the watch has passed the list's version, the repaired keys that it never spoke about are the ones it had
 *    missed.
 */
export class ConsistencyCheck {
  readonly #touched = new Set<string>();
  readonly #repaired = new Map<string, 'not reported' | 'reported'>();
  #listVersion: string | undefined;
  #complete = false;

  /** The list has come, and is of this version. */
  listed(version: string): void {
    this.#listVersion = version;
  }

  /** Whether a difference in this key may be repaired from the list. */
  mayRepair(key: string): boolean {
    return !this.#touched.has(key);
  }

  /** This key differed and was repaired. */
  repaired(key: string): void {
    this.#repaired.set(key, 'not reported');
  }

  /** All of the list has been worked in. */
  completed(): void {
    this.#complete = true;
    this.#touched.clear();
  }

  /** An event of the watch: answers whether it is stale, that is, whether the store is newer already. */
  isStale(key: string, version: string): boolean {
    const known = this.#listVersion !== undefined && this.#repaired.has(key);
    if (known && compareVersions(version, this.#listVersion ?? '') <= 0) {
      this.#repaired.set(key, 'reported');
      return true;
    }
    if (!this.#complete) this.#touched.add(key);
    return false;
  }

  /** The watch has come to this version: answers which keys it had missed once that is certain, undefined until then. */
  verdict(version: string): string[] | undefined {
    const passed = this.#listVersion !== undefined && compareVersions(version, this.#listVersion) >= 0;
    if (!this.#complete || !passed) return undefined;
    return [...this.#repaired].filter(([, state]) => state === 'not reported').map(([key]) => key);
  }
}

const decimal = /^\d+$/;

/**
 * Negative if resourceVersion `a` is older than `b`, 0 if they are the same, positive if it is newer; NaN if they are
 * not decimal numbers, so that no comparison holds. They may be longer than a JavaScript number is exact.
 */
export function compareVersions(a: string, b: string): number {
  if (!decimal.test(a) || !decimal.test(b)) return NaN;
  if (a === b) return 0;
  const older = a.length === b.length ? a < b : a.length < b.length;
  return older ? -1 : 1;
}
