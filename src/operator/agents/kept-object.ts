import { canonicalJson, operatorFieldManager } from '../../api/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';

/** What a {@link KeptObject} is made from. */
export interface KeptObjectOptions<T> {
  readonly client: Pick<ApiClient, 'apply'>;
  /** Of the one object. */
  readonly path: string;
  /** Equal for two states of the object between which nobody has changed what is kept of it. */
  readonly versionOf: (object: T) => string;
}

/** One object that is kept as it should be, also against changes by others, and written only when it has to be. */
export class KeptObject<T> {
  readonly #o: KeptObjectOptions<T>;
  /** What was applied last, and what version the object had after that. */
  #applied: { readonly text: string; readonly version: string } | undefined;

  constructor(options: KeptObjectOptions<T>) {
    this.#o = options;
  }

  /**
   * Applies `desired`, unless that has been done and nobody has changed it since.
   *
   * @param current the object as it was seen last; undefined if there is none
   * @returns the object, if it is another one now
   * @throws ApiError, ConnectionError
   */
  async keep(desired: object, current: T | undefined): Promise<T | undefined> {
    const { client, path, versionOf } = this.#o;
    const seen = current === undefined ? undefined : versionOf(current);
    const text = canonicalJson(desired);
    if (text === this.#applied?.text && seen === this.#applied.version) return undefined;
    const after = await client.apply<T>(path, desired, { fieldManager: operatorFieldManager, force: true });
    this.#applied = { text, version: versionOf(after) };
    return this.#applied.version === seen ? undefined : after;
  }
}
