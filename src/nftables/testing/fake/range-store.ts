import { ListStore } from './element-stores.ts';
import type { Obstacle } from './element-stores.ts';
import type { StoredElement } from './stored-element.ts';

/**
 * Ranges of one field, as their starts and ends: a mark may not come between a start and its end, and an end must be
 * that of the start before it. nft_set_rbtree.c, __nft_rbtree_insert, nft_rbtree_deactivate; the rest by trying.
 */
export class RangeStore extends ListStore {
  /** The start that was there already, or was deleted, just before its end is looked at. */
  #start: StoredElement | undefined;
  /** Marks stay in the tree to the end of the transaction that removes them, and hide what is above them. */
  readonly #removed: StoredElement[] = [];

  override obstacle(element: StoredElement): Obstacle | undefined {
    const above = this.#above(element);
    const below = highest(this.elements.filter((mark) => !isAbove(mark, element)));
    const same = [above, below].find((neighbour) => neighbour !== undefined && sameMark(neighbour, element));
    const start = this.#start;
    this.#start = element.end ? undefined : same;
    if (same !== undefined) return isSeparated(start, same, this.elements) ? 'overlap' : { same };
    if (below?.end === element.end) return 'overlap';
    return above?.end === true && element.end ? 'overlap' : undefined;
  }

  /** The closest mark at or above. */
  #above(element: StoredElement): StoredElement | undefined {
    const above = lowest(this.elements.filter((mark) => isAbove(mark, element)));
    if (above === undefined) return undefined;
    const isHidden = this.#removed.some((mark) => {
      const order = compareMarks(mark, above);
      return (order < 0 || (order === 0 && mark.end)) && Buffer.compare(mark.key, element.key) > 0;
    });
    return isHidden ? undefined : above;
  }

  override find(key: StoredElement): StoredElement | undefined {
    return this.elements.find((mark) => sameMark(mark, key));
  }

  override findToRemove(key: StoredElement): StoredElement | undefined {
    const mark = this.find(key);
    const start = this.#start;
    this.#start = key.end ? undefined : mark;
    if (mark === undefined) return undefined;
    return isSeparated(start, mark, [...this.elements, ...this.#removed]) ? undefined : mark;
  }

  override remove(mark: StoredElement): void {
    super.remove(mark);
    this.#removed.push(mark);
  }

  override copy(): RangeStore {
    return new RangeStore(this.elements);
  }
}

/** At one key an end is below a start. */
function compareMarks(a: StoredElement, b: StoredElement): number {
  return Buffer.compare(a.key, b.key) || Number(b.end) - Number(a.end);
}

/** A start at the same key counts as above, an end as below, whatever comes there. */
function isAbove(mark: StoredElement, element: StoredElement): boolean {
  const order = Buffer.compare(mark.key, element.key);
  return order > 0 || (order === 0 && !mark.end);
}

function sameMark(a: StoredElement, b: StoredElement): boolean {
  return compareMarks(a, b) === 0;
}

function lowest(marks: readonly StoredElement[]): StoredElement | undefined {
  return marks.toSorted(compareMarks)[0];
}

function highest(marks: readonly StoredElement[]): StoredElement | undefined {
  return marks.toSorted(compareMarks).at(-1);
}

/** Whether another mark is between a start and an end, so that they are not those of one range. */
function isSeparated(start: StoredElement | undefined, end: StoredElement, marks: readonly StoredElement[]): boolean {
  if (start === undefined || !end.end) return false;
  return marks.some((mark) => compareMarks(mark, start) > 0 && compareMarks(mark, end) < 0);
}
