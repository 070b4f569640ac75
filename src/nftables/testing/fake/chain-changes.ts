import { chainAttribute, hookAttribute, hookNumber } from '../../constants.ts';
import type { Payload } from '../../../netlink/index.ts';
import { chainOf, tableOf } from './change.ts';
import type { Change, Effect } from './change.ts';
import { Refusal } from './refusal.ts';
import type { FakeBase, FakeChain } from './ruleset.ts';

/** NEWCHAIN. nf_tables_newchain */
export function newChain(change: Change): Effect {
  const { attributes, ruleset } = change;
  const table = tableOf(change, chainAttribute.table);
  const name = attributes.get(chainAttribute.name)?.string() ?? '';
  const hook = attributes.get(chainAttribute.hook);
  const present = table.chains.get(name);
  if (present !== undefined) {
    if (hook !== undefined) checkSameBase(present, attributes, hook);
    table.chainsTouched = true;
    return true;
  }
  // Seen: a base chain cannot come in the transaction that adopts its table.
  if (hook !== undefined && table.updating) throw new Refusal('EINVAL');
  const base = hook === undefined ? undefined : baseOf(attributes, hook);
  const handle = ruleset.newHandle();
  table.chains.set(name, { name, handle, base, attributes: attributes.copy(), rules: [] });
  return true;
}

/** Throws EOPNOTSUPP where no chain of type nat can be: nf_nat knows four hooks, and only after conntrack (-200). */
function baseOf(attributes: Payload, hook: Payload): FakeBase {
  const base = {
    type: attributes.get(chainAttribute.type)?.string() ?? '',
    hook: hook.get(hookAttribute.number)?.u32() ?? 0,
    priority: hook.get(hookAttribute.priority)?.i32() ?? 0,
  };
  if (base.type === 'nat' && (base.hook === hookNumber.forward || base.priority <= -200)) {
    throw new Refusal('EOPNOTSUPP');
  }
  return base;
}

/** nf_tables_updchain */
function checkSameBase({ base: present }: FakeChain, attributes: Payload, hook: Payload): void {
  if (present === undefined) throw new Refusal('EEXIST');
  const base = baseOf(attributes, hook);
  if (present.hook !== base.hook || present.priority !== base.priority) throw new Refusal('EOPNOTSUPP');
  if (present.type !== base.type) throw new Refusal('EEXIST');
}

/** DELCHAIN, with its rules. nf_tables_delchain */
export function deleteChain(change: Change): Effect {
  const table = tableOf(change, chainAttribute.table);
  const chain = chainOf(table, change.attributes.get(chainAttribute.name));
  deleteRules(chain);
  // The rules stay deleted for the rest of a transaction that fails here.
  if ((table.chainUses().get(chain.name) ?? 0) > 0) throw new Refusal('EBUSY');
  if (chain.base !== undefined) table.chainsTouched = true;
  return table.chains.delete(chain.name);
}

/** Deletes all rules of a chain. */
export function deleteRules(chain: FakeChain): Effect {
  return chain.rules.splice(0).length > 0;
}
