import { setAttribute } from '../../constants.ts';
import { decodeSet } from '../../objects/index.ts';
import type { SetDefinition } from '../../objects/index.ts';
import { setOf, tableOf } from './change.ts';
import type { Change, Effect } from './change.ts';
import { Refusal } from './refusal.ts';
import { FakeSet } from './ruleset.ts';

/** NEWSET. nf_tables_newset */
export function newSet(change: Change): Effect {
  const { attributes, ruleset } = change;
  const table = tableOf(change, setAttribute.table);
  const set = decodeSet(attributes);
  // Anonymous: comes and goes with its rule.
  if (set === undefined) return true;
  const { definition } = set;
  if (definition === undefined) throw new TypeError(`the fake cannot make set ${set.name}: its type is unknown`);
  const present = table.sets.get(definition.name);
  if (present === undefined) {
    table.sets.set(definition.name, new FakeSet(definition, ruleset.newHandle()));
    return true;
  }
  if (kindOf(present.definition) !== kindOf(definition)) throw new Refusal('EEXIST');
  present.next = resized(present.definition, definition);
  return true;
}

/** What cannot be changed in place. nft_set_is_same */
function kindOf({ key, data, interval, dynamic, timeout, counter }: SetDefinition): string {
  return JSON.stringify([key, data, interval ?? false, dynamic ?? false, timeout ?? false, counter ?? false]);
}

/** The size counts if one is given, the interval of collections in any case. */
function resized(present: SetDefinition, { size, gcIntervalSeconds }: SetDefinition): SetDefinition {
  const next: { -readonly [K in keyof SetDefinition]: SetDefinition[K] } = {
    ...present,
    ...(size === undefined ? {} : { size }),
  };
  delete next.gcIntervalSeconds;
  return gcIntervalSeconds === undefined ? next : { ...next, gcIntervalSeconds };
}

/** DELSET, with its elements. nf_tables_delset */
export function deleteSet(change: Change): Effect {
  const table = tableOf(change, setAttribute.table);
  const { name } = setOf(table, change.attributes.get(setAttribute.name)).definition;
  if (table.isLookedInto(name)) throw new Refusal('EBUSY');
  return table.sets.delete(name);
}
