import type { StoredElement } from './stored-element.ts';

/** What stands in the way of a new element: one with the same key, or one that overlaps. */
export type Obstacle = { readonly same: StoredElement } | 'overlap';

/** The elements of one set: what the kernel calls the set's backend, which decides what counts as the same key. */
export interface ElementStore {
  readonly size: number;
  obstacle(element: StoredElement): Obstacle | undefined;
  /** Only after `obstacle` found none. */
  add(element: StoredElement): void;
  /** The element that a key means to the kernel. */
  find(key: StoredElement): StoredElement | undefined;
  /** The same, when it is to be deleted. */
  findToRemove(key: StoredElement): StoredElement | undefined;
  remove(element: StoredElement): void;
  /** Puts an element in the place of one with the same key. */
  replace(old: StoredElement, element: StoredElement): void;
  values(): Iterable<StoredElement>;
  copy(): ElementStore;
}

/** Exact keys. nft_set_hash.c */
export class HashStore implements ElementStore {
  readonly #elements: Map<string, StoredElement>;

  constructor(elements: Iterable<[string, StoredElement]> = []) {
    this.#elements = new Map(elements);
  }

  get size(): number {
    return this.#elements.size;
  }

  obstacle(element: StoredElement): Obstacle | undefined {
    const same = this.find(element);
    return same === undefined ? undefined : { same };
  }

  add(element: StoredElement): void {
    this.#elements.set(idOf(element), element);
  }

  find(key: StoredElement): StoredElement | undefined {
    return this.#elements.get(idOf(key));
  }

  findToRemove(key: StoredElement): StoredElement | undefined {
    return this.find(key);
  }

  remove(element: StoredElement): void {
    this.#elements.delete(idOf(element));
  }

  replace(_old: StoredElement, element: StoredElement): void {
    this.add(element);
  }

  values(): Iterable<StoredElement> {
    return this.#elements.values();
  }

  copy(): HashStore {
    return new HashStore(this.#elements);
  }
}

function idOf(element: StoredElement): string {
  return element.key.toString('latin1');
}

/** What the two kinds of stores with ranges share: they are small, so a list will do. */
export abstract class ListStore implements ElementStore {
  protected readonly elements: StoredElement[];

  constructor(elements: readonly StoredElement[] = []) {
    this.elements = [...elements];
  }

  get size(): number {
    return this.elements.length;
  }

  abstract obstacle(element: StoredElement): Obstacle | undefined;
  abstract find(key: StoredElement): StoredElement | undefined;
  abstract copy(): ElementStore;

  findToRemove(key: StoredElement): StoredElement | undefined {
    return this.find(key);
  }

  add(element: StoredElement): void {
    this.elements.push(element);
  }

  remove(element: StoredElement): void {
    this.elements.splice(this.elements.indexOf(element), 1);
  }

  replace(old: StoredElement, element: StoredElement): void {
    this.elements[this.elements.indexOf(old)] = element;
  }

  values(): Iterable<StoredElement> {
    return this.elements;
  }
}

/**
 * Concatenations with ranges. The kernel looks only whether the first or the last key of a new one lies in an old one,
 * and finds by the first key alone. nft_set_pipapo.c, nft_pipapo_insert
 */
export class BoxStore extends ListStore {
  readonly #fields: readonly number[];

  /** @param fields padded lengths of the key's fields */
  constructor(fields: readonly number[], elements: readonly StoredElement[] = []) {
    super(elements);
    this.#fields = fields;
  }

  override obstacle(element: StoredElement): Obstacle | undefined {
    const present = this.find(element);
    if (present !== undefined) return sameBox(present, element) ? { same: present } : 'overlap';
    return this.#around(element.keyEnd ?? element.key) === undefined ? undefined : 'overlap';
  }

  override find(key: StoredElement): StoredElement | undefined {
    return this.#around(key.key);
  }

  #around(point: Buffer): StoredElement | undefined {
    return this.elements.find((box) => this.#holds(box, point));
  }

  #holds(box: StoredElement, point: Buffer): boolean {
    let start = 0;
    for (const length of this.#fields) {
      const field = (key: Buffer): Buffer => key.subarray(start, start + length);
      if (Buffer.compare(field(box.key), field(point)) > 0) return false;
      if (Buffer.compare(field(box.keyEnd ?? box.key), field(point)) < 0) return false;
      start += length;
    }
    return true;
  }

  override copy(): BoxStore {
    return new BoxStore(this.#fields, this.elements);
  }
}

function sameBox(a: StoredElement, b: StoredElement): boolean {
  return a.key.equals(b.key) && (a.keyEnd ?? a.key).equals(b.keyEnd ?? b.key);
}
