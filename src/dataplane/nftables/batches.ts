import type { Element, SetDefinition, Transaction } from '../../nftables/index.ts';
import type { Changes } from '../data-plane.ts';
import { elementsById } from './element-map.ts';
import { frontendOfRange } from './keys.ts';
import { definitionOf } from './sets.ts';

/** Elements per transaction: every commit holds the namespace's commit lock, for some 5 microseconds an element. */
const elementsPerTransaction = 5000;

/** Elements to delete and to add. */
export interface ElementChanges {
  readonly deletes: readonly Element[];
  readonly adds: readonly Element[];
}

/** Appends changes to a transaction: deletes first; among the adds verdicts last, after all that their chains read. */
export function writeElements(tx: Transaction, { deletes, adds }: ElementChanges): void {
  for (const [definition, group] of bySet(deletes)) tx.deleteElements(definition, group);
  const groups = [...bySet(adds)].sort(([a], [b]) => Number(a.data === 'verdict') - Number(b.data === 'verdict'));
  for (const [definition, group] of groups) tx.addElements(definition, group);
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

/**
 * Splits many changes into parts that fit a transaction. The delete and the add of one key always share a part, and no
 * interval is added before those are deleted that it may overlap.
 */
export function* inTransactions({ deletes, adds }: ElementChanges): Generator<ElementChanges> {
  const pending = elementsById(deletes);
  const neighbours = neighbourhoods(deletes);
  let part: { deletes: (typeof deletes)[number][]; adds: (typeof adds)[number][] } = { deletes: [], adds: [] };
  for (const element of adds) {
    const old = pending.get(element);
    for (const deleted of old ? [old] : takeNeighbours(neighbours, element)) {
      part.deletes.push(deleted);
      pending.delete(deleted);
    }
    part.adds.push(element);
    if (part.adds.length < elementsPerTransaction) continue;
    yield part;
    part = { deletes: [], adds: [] };
  }
  for (const element of pending.values()) {
    part.deletes.push(element);
    if (part.deletes.length < elementsPerTransaction) continue;
    yield part;
    part = { deletes: [], adds: [] };
  }
  if (part.deletes.length + part.adds.length > 0) yield part;
}

/** Intervals by what they have in common: only such may overlap. */
function neighbourhoods(elements: readonly Element[]): Map<string, Element[]> {
  const neighbours = new Map<string, Element[]>();
  for (const element of elements) {
    const name = neighbourhoodOf(element);
    if (name !== undefined) neighbours.set(name, [...(neighbours.get(name) ?? []), element]);
  }
  return neighbours;
}

/** Set and frontend; undefined for what is no interval. */
function neighbourhoodOf({ set, key }: Element): string | undefined {
  return definitionOf(set)?.interval === true ? `${set} ${frontendOfRange(key)}` : undefined;
}

function takeNeighbours(neighbours: Map<string, Element[]>, added: Element): readonly Element[] {
  const name = neighbourhoodOf(added);
  const taken = name === undefined ? undefined : neighbours.get(name);
  if (taken === undefined || name === undefined) return [];
  neighbours.delete(name);
  return taken;
}

/** Groups of Service ports whose elements fit one transaction, by a rough count. */
export function* inGroups(changes: Changes): Generator<Changes> {
  let group = new Map<string, ReturnType<Changes['get']>>();
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
