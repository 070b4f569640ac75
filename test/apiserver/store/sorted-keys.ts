/** A set of strings that hands out ranges in byte order, as etcd does. Sorted when first asked, then kept sorted. */
export class SortedKeys {
  #keys: string[];
  #sorted = false;

  constructor(keys: string[]) {
    this.#keys = keys;
  }

  add(key: string): void {
    // While nobody lists, appending is enough: a bulk load stays linear.
    if (this.#sorted) this.#keys.splice(this.#lowerBound(key), 0, key);
    else this.#keys.push(key);
  }

  remove(key: string): void {
    this.#sort();
    const index = this.#lowerBound(key);
    if (this.#keys[index] === key) this.#keys.splice(index, 1);
  }

  /** The keys that start with a prefix and lie behind `after`. */
  range(prefix: string, after = ''): string[] {
    this.#sort();
    const from = after > prefix ? this.#lowerBound(`${after}\u0000`) : this.#lowerBound(prefix);
    const to = prefix ? this.#lowerBound(`${prefix}\uffff`) : this.#keys.length;
    return this.#keys.slice(from, to);
  }

  #sort(): void {
    if (this.#sorted) return;
    this.#keys.sort((a, b) => (a < b ? -1 : 1));
    this.#sorted = true;
  }

  #lowerBound(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
