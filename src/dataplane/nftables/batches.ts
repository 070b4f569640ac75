import type { Element, SetDefinition, Transaction } from '../../nftables/index.ts';
import { elementsById } from './element-map.ts';
import type { DesiredPort } from './plan.ts';
import { definitionOf } from './sets.ts';

/** Elements per transaction: every commit holds the namespace's commit lock, for some 5 microseconds an element. */
export const elementsPerTransaction = 5000;

/** Elements to delete and add in one transaction, deletes first. */
export interface Batch {
  readonly deletes: Element[];
  readonly adds: Element[];
}

function bySet(elements: readonly Element[]): Map<SetDefinition, Element[]> {
  const groups = new Map<string, Element[]>();
  for (const element of elements) {
    const group = groups.get(element.set);
    if (group) group.push(element);
    else groups.set(element.set, [element]);
  }
  const defined = new Map<SetDefinition, Element[]>();
  for (const [name, group] of groups) {
    const definition = definitionOf(name);
    if (!definition) throw new Error(`set ${name} is not part of the data plane`);
    defined.set(definition, group);
  }
  return defined;
}

/** Appends a batch to a transaction: deletes first; among the adds verdicts last, after all that their chains read. */
export function addBatch(tx: Transaction, { deletes, adds }: Batch): void {
  for (const [definition, group] of bySet(deletes)) tx.deleteElements(definition, group);
  const groups = [...bySet(adds)].sort(([a], [b]) => Number(a.data === 'verdict') - Number(b.data === 'verdict'));
  for (const [definition, group] of groups) tx.addElements(definition, group);
}

/** Splits many changes into batches of bounded size; the delete and the add of one key always share a batch. */
export function* inBatches(deletes: readonly Element[], adds: readonly Element[]): Generator<Batch> {
  const pending = elementsById(deletes);
  let batch: Batch = { deletes: [], adds: [] };
  for (const element of adds) {
    const old = pending.get(element);
    if (old) {
      batch.deletes.push(old);
      pending.delete(old);
    }
    batch.adds.push(element);
    if (batch.adds.length < elementsPerTransaction) continue;
    yield batch;
    batch = { deletes: [], adds: [] };
  }
  for (const element of pending.values()) {
    batch.deletes.push(element);
    if (batch.deletes.length < elementsPerTransaction) continue;
    yield batch;
    batch = { deletes: [], adds: [] };
  }
  if (batch.deletes.length + batch.adds.length > 0) yield batch;
}

/** Groups of Service ports whose elements fit one transaction, by a rough count. */
export function* inGroups(
  changes: ReadonlyMap<string, DesiredPort | undefined>,
): Generator<Map<string, DesiredPort | undefined>> {
  let group = new Map<string, DesiredPort | undefined>();
  let size = 0;
  for (const [id, desired] of changes) {
    group.set(id, desired);
    const endpoints = desired ? desired.port.clusterEndpoints.length + desired.port.localEndpoints.length : 4;
    size += 4 + endpoints * (desired?.port.frontends.length ?? 1);
    if (size < elementsPerTransaction) continue;
    yield group;
    group = new Map();
    size = 0;
  }
  if (group.size > 0) yield group;
}
