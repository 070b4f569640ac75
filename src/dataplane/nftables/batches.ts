import type { Element, SetDefinition, Transaction } from '../../nftables/index.ts';
import { addWritten, nothingWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import type { Generation } from './generation.ts';
import { requiredDefinition } from './sets.ts';

/** Elements per transaction: every commit holds the namespace's commit lock, for some 5 microseconds an element. */
export const elementsPerTransaction = 5000;

/** Elements to delete and to add. */
export interface ElementChanges {
  readonly deletes: readonly Element[];
  readonly adds: readonly Element[];
}

/** Appends changes to a transaction: deletes first; among the adds verdicts last, after all that their chains read. */
export function writeElements(tx: Transaction, { deletes, adds }: ElementChanges): void {
  for (const [definition, group] of bySet(deletes)) tx.deleteElements(definition, group);
  for (const [definition, group] of bySet(adds)) tx.addElements(definition, group);
}

/** Elements by set, those of verdict maps last. */
function bySet(elements: readonly Element[]): [SetDefinition, Element[]][] {
  const groups = new Map<string, Element[]>();
  for (const element of elements) {
    const group = groups.get(element.set);
    if (group) group.push(element);
    else groups.set(element.set, [element]);
  }
  return [...groups]
    .map(([name, group]): [SetDefinition, Element[]] => [requiredDefinition(name), group])
    .sort(([a], [b]) => Number(a.data === 'verdict') - Number(b.data === 'verdict'));
}

/**
 * Many elements in parts that fit a transaction, set by set: the kernel looks through all verdict maps when one of them
 * grows, so few transactions should.
 */
export function* inParts(elements: readonly Element[]): Generator<Element[]> {
  let part: Element[] = [];
  for (const [, group] of bySet(elements)) {
    for (const element of group) {
      part.push(element);
      if (part.length < elementsPerTransaction) continue;
      yield part;
      part = [];
    }
  }
  if (part.length > 0) yield part;
}

/** Adds many elements to a generation, part by part. What the kernel refuses is thrown, the parts before it stay. */
export async function addInParts(generation: Generation, elements: readonly Element[]): Promise<Written> {
  let written = nothingWritten;
  for (const adds of inParts(elements)) {
    const tx = generation.transaction();
    writeElements(tx, { deletes: [], adds });
    written = addWritten(written, await generation.commit(tx));
  }
  return written;
}
