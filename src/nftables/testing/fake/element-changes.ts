import { MalformedMessageError } from '../../../netlink/index.ts';
import { elementListAttribute } from '../../constants.ts';
import { decodeElement, keyLength } from '../../objects/index.ts';
import { checkTarget, setOf, tableOf } from './change.ts';
import type { Change, Effect } from './change.ts';
import { Refusal } from './refusal.ts';
import type { FakeSet, FakeTable } from './ruleset.ts';
import { storedElement } from './stored-element.ts';
import type { StoredElement } from './stored-element.ts';

/** NEWSETELEM: up to the first that is refused. nf_tables_newsetelem */
export function newElements(change: Change): Effect {
  const table = tableOf(change, elementListAttribute.table);
  // Of the anonymous set of a rule.
  if (change.attributes.get(elementListAttribute.setId) !== undefined) return true;
  const set = setOf(table, change.attributes.get(elementListAttribute.set));
  return forEachElement(change, set, 'add', (element) => addElement(table, set, element));
}

/** DELSETELEM: up to the first that is refused; all elements if none is named. nf_tables_delsetelem */
export function deleteElements(change: Change): Effect {
  const table = tableOf(change, elementListAttribute.table);
  const set = setOf(table, change.attributes.get(elementListAttribute.set));
  if (change.attributes.get(elementListAttribute.elements) === undefined) return flush(set);
  return forEachElement(change, set, 'delete', (element) => {
    const elements = set.ownElements;
    const present = elements.findToRemove(element);
    if (present === undefined) throw new Refusal('ENOENT');
    elements.remove(present);
    return true;
  });
}

function flush(set: FakeSet): Effect {
  const all = [...set.elements.values()];
  for (const element of all) set.ownElements.remove(element);
  return all.length > 0;
}

/** The answer points at the element that was refused. */
function forEachElement(
  { attributes, messageStart, judge }: Change,
  set: FakeSet,
  kind: 'add' | 'delete',
  change: (element: StoredElement) => Effect,
): Effect {
  let effect = false;
  for (const [, item] of attributes.get(elementListAttribute.elements)?.attributes() ?? []) {
    try {
      const code = judge(decodeElement(set.definition, item).element, kind);
      if (code !== undefined) throw new Refusal(code);
      const element = storedElement(item);
      if (element.key.length !== keyLength(set.definition.key)) throw new Refusal('EINVAL');
      effect = change(element) || effect;
    } catch (error) {
      // An attribute's header is 4 bytes.
      const offset = item.start - 4 - messageStart;
      if (error instanceof Refusal) throw new Refusal(error.code, offset);
      if (error instanceof MalformedMessageError) throw new Refusal('EINVAL', offset);
      throw error;
    }
  }
  return effect;
}

/** nft_add_set_elem */
function addElement(table: FakeTable, set: FakeSet, element: StoredElement): Effect {
  checkParts(set, element);
  if (element.chain !== undefined) checkTarget(table, element.chain);
  const elements = set.ownElements;
  const obstacle = elements.obstacle(element);
  if (obstacle === undefined) {
    if (isFull(set)) throw new Refusal('ENFILE');
    elements.add(element);
    return true;
  }
  if (obstacle === 'overlap' || !sameData(obstacle.same, element)) throw new Refusal('EEXIST');
  return renew(set, obstacle.same, element);
}

function checkParts({ definition }: FakeSet, element: StoredElement): void {
  // The end of a range has no data.
  const needsData = definition.data !== undefined && !element.end;
  if (needsData !== (element.data !== undefined)) throw new Refusal('EINVAL');
  if (element.timeout !== undefined && definition.timeout !== true) throw new Refusal('EINVAL');
}

function sameData(a: StoredElement, b: StoredElement): boolean {
  return a.data === undefined || b.data === undefined ? a.data === b.data : a.data.equals(b.data);
}

export function isFull({ definition, elements }: FakeSet): boolean {
  return definition.size !== undefined && elements.size >= definition.size;
}

/**
 * An element that is there gets the new one's time to live (none: for ever) and stays as it is otherwise. Within one
 * transaction news is what differs from the time it had before.
 */
function renew(set: FakeSet, present: StoredElement, { timeout = 0, expiration }: StoredElement): Effect {
  if (set.definition.timeout !== true) return false;
  const before = set.timesBefore.get(present) ?? present.timeout ?? 0;
  if (timeout === before && expiration === undefined) return false;
  const renewed = { ...present, timeout, expiration: expiration ?? timeout };
  set.ownElements.replace(present, renewed);
  set.timesBefore.set(renewed, before);
  return true;
}
