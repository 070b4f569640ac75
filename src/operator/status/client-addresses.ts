import { conditionOf } from '../../api/index.ts';
import { verdict } from './conditions.ts';
import type { Verdict } from './conditions.ts';
import type { StatusInput } from './facts.ts';

/** What agents call it, too. */
const type = 'ClientAddressesHidden';

/** Says what is lost on nodes whose Services go through a proxy; nothing where none do. It is no fault of any of them. */
export function clientAddressesVerdict({ plan, stateOf }: Pick<StatusInput, 'plan' | 'stateOf'>): Verdict[] {
  const hiding = plan.share.won.flatMap((node) => {
    const said = conditionOf(stateOf(node)?.status?.conditions, type);
    return said?.status === 'True' ? [{ name: node.name, message: said.message }] : [];
  });
  const [first, ...others] = hiding.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (first === undefined) return [];
  const more = others.length > 0 ? ` (and ${others.length} more nodes)` : '';
  return [verdict(type, 'True', 'ServedByProxy', `${first.name}: ${first.message}${more}`)];
}
