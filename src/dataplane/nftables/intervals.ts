import type { Element } from '../../nftables/index.ts';
import { mergePrefixes } from '../../ip/index.ts';

/**
 * The elements of an interval set: the union of `ranges`, all of one family, which may overlap, touch and repeat as they
 * like. Nothing else makes such elements: one overlap, and the kernel refuses the transaction.
 *
 * The same union always gives the same elements, with the text that is read back from the kernel. So the difference
 * between two unions never adds what overlaps something that stays.
 */
export function intervalElements(set: string, ranges: Iterable<string>): Element[] {
  return mergePrefixes(ranges).map((key) => ({ set, key }));
}
