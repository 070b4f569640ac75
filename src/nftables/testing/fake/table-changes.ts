import { tableAttribute, tableFlag } from '../../constants.ts';
import { tableOf } from './change.ts';
import type { Change, Effect, FakeFeatures } from './change.ts';
import { Refusal } from './refusal.ts';
import { FakeTable } from './ruleset.ts';

/** NEWTABLE. nf_tables_newtable */
export function newTable(change: Change): Effect {
  const { attributes, ruleset, portId, features } = change;
  const name = attributes.get(tableAttribute.name)?.string() ?? '';
  const flags = attributes.get(tableAttribute.flags)?.u32() ?? 0;
  if (ruleset.tables.has(name)) return updateTable(tableOf(change, tableAttribute.name), flags, change);
  checkFlags(flags, features);
  const owner = (flags & tableFlag.owner) === 0 ? 0 : portId;
  const userData = attributes.get(tableAttribute.userData)?.copy();
  ruleset.tables.set(name, new FakeTable({ name, userData, flags, owner }));
  return true;
}

function checkFlags(flags: number, { owner, persist }: FakeFeatures): void {
  const known = tableFlag.dormant | (owner ? tableFlag.owner : 0) | (persist ? tableFlag.persist : 0);
  if ((flags & ~known) !== 0) throw new Refusal('EOPNOTSUPP');
}

/** A table's flags stay as they are, but an orphan (persistent, its owner gone) can be adopted. nf_tables_updtable */
function updateTable(table: FakeTable, flags: number, { portId, features }: Change): Effect {
  checkFlags(flags, features);
  if (flags === table.flags) return false;
  const orphan = (table.flags & (tableFlag.owner | tableFlag.persist)) === tableFlag.persist;
  if (!orphan || flags !== (table.flags | tableFlag.owner)) throw new Refusal('EOPNOTSUPP');
  // nft_table_pending_update
  if (table.updating || table.chainsTouched) throw new Refusal('EINVAL');
  table.flags = flags;
  table.owner = portId;
  table.updating = true;
  return true;
}

/** DELTABLE: with all that is in it. */
export function deleteTable(change: Change): Effect {
  return change.ruleset.tables.delete(tableOf(change, tableAttribute.name).name);
}

/** DESTROYTABLE: DELTABLE, if there is one. Older kernels do not know the message. */
export function destroyTable(change: Change): Effect {
  if (!change.features.destroy) throw new Refusal('EINVAL');
  if (!change.ruleset.tables.has(change.attributes.get(tableAttribute.name)?.string() ?? '')) return false;
  return deleteTable(change);
}
