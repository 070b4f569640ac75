/** What the store keeps of an object. */
interface Entry<T> {
  readonly resourceVersion: string;
  /** Whether the listener knows the object: no version of it may have been convertible yet. */
  readonly announced: boolean;
  /** The last good version, in a store that keeps objects. */
  readonly value: T | undefined;
}

/** Told of every difference: undefined stands for an object that is not there. */
export type ChangeListener<T> = (key: string, current: T | undefined, previous: T | undefined) => void;

/**
 * The last known state of a collection: its objects, or only their versions for a listener that keeps what it is told
 * in a form of its own. A write that brings a version which the store has already is no change; every real change is passed on once, in the order in
 * which it is made.
 */
export class ObjectStore<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #keep: 'objects' | 'versions';
  readonly #changed: ChangeListener<T>;

  constructor(keep: 'objects' | 'versions', changed: ChangeListener<T>) {
    this.#keep = keep;
    this.#changed = changed;
  }

  /** Number of objects. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value;
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  *values(): Iterable<T> {
    for (const { value } of this.#entries.values()) if (value !== undefined) yield value;
  }

  /** Whether the store has exactly this version of the object. */
  has(key: string, resourceVersion: string): boolean {
    return this.#entries.get(key)?.resourceVersion === resourceVersion;
  }

  /** The version of the object that the store has; undefined for none. */
  versionOf(key: string): string | undefined {
    return this.#entries.get(key)?.resourceVersion;
  }

  /** Versions stand for other content than they did: whatever comes next of an object is new. */
  forgetVersions(): void {
    for (const [key, entry] of this.#entries) this.#entries.set(key, { ...entry, resourceVersion: '' });
  }

  /**
   * @param convert makes the value to keep; undefined if that is not possible: the last good value then stays
   * @returns whether this was a version the store did not have
   */
  put(key: string, resourceVersion: string, convert: () => T | undefined): boolean {
    const previous = this.#entries.get(key);
    if (previous?.resourceVersion === resourceVersion) return false;
    const value = convert();
    const announced = value !== undefined || previous?.announced === true;
    const kept = this.#keep === 'objects' ? (value ?? previous?.value) : undefined;
    this.#entries.set(key, { resourceVersion, announced, value: kept });
    if (value !== undefined) this.#changed(key, value, previous?.value);
    return true;
  }

  /** @returns whether the object was there */
  delete(key: string): boolean {
    const previous = this.#entries.get(key);
    if (previous === undefined) return false;
    this.#entries.delete(key);
    if (previous.announced) this.#changed(key, undefined, previous.value);
    return true;
  }
}
