/**
 * Hands out one copy of equal strings. Names of nodes and zones come with every endpoint; a quarter of a million
 * copies of the same few would outweigh everything else.
 *
 * It forgets everything when it is full: strings in use live on where they are used, and names of nodes that are long
 * gone do not pile up over the years.
 */
export class Interner {
  readonly #known = new Map<string, string>();
  readonly #limit: number;

  constructor(limit = 16384) {
    this.#limit = limit;
  }

  intern(value: string): string {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    if (this.#known.size >= this.#limit) this.#known.clear();
    this.#known.set(value, value);
    return value;
  }
}
