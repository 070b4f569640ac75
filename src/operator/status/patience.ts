import { conditionOf, effectiveRollout } from '../../api/index.ts';
import type { ProxyConfigStatus } from '../../api/index.ts';
import type { ConfigPlan } from '../rollout/index.ts';

/**
 * Until when a config that is not Ready may become so by itself, in milliseconds since the epoch: as long as a rollout
 * may stand still. Undefined while it is Ready, or nothing has been said of it yet.
 *
 * @param previous the status as it was written last
 */
export function patienceEnds(
  { checked, rollout }: Pick<ConfigPlan, 'checked' | 'rollout'>,
  previous: ProxyConfigStatus | undefined,
): number | undefined {
  const ready = conditionOf(previous?.conditions, 'Ready');
  if (ready === undefined || ready.status === 'True') return undefined;
  const since = Math.max(Date.parse(ready.lastTransitionTime), Date.parse(rollout?.lastProgressAt ?? '') || 0);
  return since + effectiveRollout(checked.config.spec.rollout).progressDeadlineSeconds * 1000;
}
