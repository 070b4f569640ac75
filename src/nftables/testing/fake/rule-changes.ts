import { ruleAttribute } from '../../constants.ts';
import { decodeRule } from '../../objects/index.ts';
import { chainOf, checkTarget, setNamed, tableOf } from './change.ts';
import type { Change, Effect } from './change.ts';
import { deleteRules } from './chain-changes.ts';
import { referencesOf } from './references.ts';
import type { Reference } from './references.ts';
import { Refusal } from './refusal.ts';
import type { FakeSet, FakeTable } from './ruleset.ts';

/** NEWRULE: appends. nf_tables_newrule */
export function newRule(change: Change): Effect {
  const { attributes, ruleset } = change;
  const table = tableOf(change, ruleAttribute.table);
  const chain = chainOf(table, attributes.get(ruleAttribute.chain));
  const expressions = attributes.get(ruleAttribute.expressions);
  const { references, text } = referencesOf(expressions);
  for (const reference of references) checkReference(table, reference);
  const userData = attributes.get(ruleAttribute.userData)?.copy();
  const { comment } = decodeRule(attributes);
  const handle = ruleset.newHandle();
  chain.rules.push({ handle, userData, expressions: expressions?.copy(), references, comment, text });
  return true;
}

function checkReference(table: FakeTable, { chain, set, use, flowtable }: Reference): void {
  if (flowtable !== undefined) refuseIf(!table.flowtables.has(flowtable), 'ENOENT');
  if (chain !== undefined) checkTarget(table, chain);
  if (set !== undefined && use !== undefined) uses[use](setNamed(table, set));
}

/** Whether a set suits what a rule does with it. nft_lookup_init, nft_dynset_init */
const uses: Readonly<Record<NonNullable<Reference['use']>, (set: FakeSet) => void>> = {
  // Seen: a map will do, too.
  set: () => undefined,
  data: ({ definition }) => refuseIf(definition.data === undefined || definition.data === 'verdict', 'EINVAL'),
  verdict: ({ definition }) => refuseIf(definition.data !== 'verdict', 'EINVAL'),
  'update set': (set) => {
    checkUpdate(set);
    refuseIf(set.definition.data !== undefined, 'EINVAL');
  },
  'update map': (set) => {
    checkUpdate(set);
    refuseIf(set.definition.data === undefined, 'EOPNOTSUPP');
  },
};

function checkUpdate(set: FakeSet): void {
  refuseIf(set.definition.timeout !== true, 'EOPNOTSUPP');
}

function refuseIf(condition: boolean, code: string): void {
  if (condition) throw new Refusal(code);
}

/** DELRULE: the one with the handle, or without one all rules of the chain. */
export function deleteRule(change: Change): Effect {
  const { attributes } = change;
  const chain = chainOf(tableOf(change, ruleAttribute.table), attributes.get(ruleAttribute.chain));
  const handle = attributes.get(ruleAttribute.handle)?.u64();
  if (handle === undefined) return deleteRules(chain);
  const index = chain.rules.findIndex((rule) => rule.handle === handle);
  if (index === -1) throw new Refusal('ENOENT');
  chain.rules.splice(index, 1);
  return true;
}
