import { conditionOf, nextCondition } from '../../api/index.ts';
import type { Condition, ProxyNodeState } from '../../api/index.ts';

const type = 'Uncovered';

/**
 * What a ProxyNodeState is to say about whether a ProxyConfig governs its node: nothing if one does, else what the node
 * goes on with. Undefined if it says that already.
 */
export function coverageConditions(state: ProxyNodeState, covered: boolean, now: Date): Condition[] | undefined {
  const { configRef, revision } = state.spec;
  const before = state.status?.conditions ?? [];
  const said = conditionOf(before, type);
  if (covered) return said === undefined ? undefined : [];
  const message =
    `no valid ProxyConfig selects this node any more; it goes on with revision ${revision} of ProxyConfig ` +
    `${configRef.name}. Mend the nodeSelector of a ProxyConfig, or create one`;
  if (said?.message === message) return undefined;
  return [nextCondition({ type, status: 'True', reason: 'NoGoverningConfig', message }, before, now)];
}
