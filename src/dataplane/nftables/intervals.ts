import type { Element } from '../../nftables/index.ts';
import { familyOf, mergePrefixes } from '../../ip/index.ts';
import type { SetName } from './sets.ts';

/**
 * The elements of an interval set and of its twin of the other family: the union of `ranges`, which may overlap, touch
 * and repeat as they like. Nothing else makes such elements: one overlap, and the kernel refuses the transaction.
 *
 * The same union always gives the same elements, with the text that is read back from the kernel. So the difference
 * between two unions never adds what overlaps something that stays.
 *
 * @param keyOf the key of a range, where it is only the last field of the key
 */
export function intervalElements(
  name: SetName,
  ranges: Iterable<string>,
  keyOf: (range: string) => string = (range) => range,
): Element[] {
  return mergePrefixes(ranges).map((range) => ({ set: `${name}${familyOf(range)}`, key: keyOf(range) }));
}
