import { maximumFailedNodes } from '../../api/index.ts';
import type { Share } from '../rollout/index.ts';
import type { Facts } from './facts.ts';

/** Names of nodes for a message, not all of them if they are many. */
function named(nodes: readonly string[]): string {
  const more = nodes.length - maximumFailedNodes;
  return [...nodes].sort().slice(0, maximumFailedNodes).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

export function leftOut({ unsupported }: Share): string {
  return unsupported.length === 0 ? '' : `; left out because no agent runs on their system: ${named(unsupported)}`;
}

export function uncoveredMessage({ uncovered }: Share): string {
  return `no valid ProxyConfig selects these nodes any more, and they go on with what this one said last: ${named(uncovered)}`;
}

export function shadowedMessage({ selected }: Share): string {
  return `other ProxyConfigs of higher rank (priority, then age, then name) have all ${selected} nodes that it selects`;
}

/** E.g. `3/5 nodes have revision 0f3a…, 1 failing, 1 pending (2 more ignored because NotReady)`. */
export function progressMessage({ counts, input }: Facts): string {
  const { matching, ready, failed, pending, ignored } = counts;
  const parts = [`${ready}/${matching - ignored} nodes have revision ${input.plan.target?.revision ?? 'none'}`];
  if (failed > 0) parts.push(`${failed} failing`);
  if (pending > 0) parts.push(`${pending} pending`);
  return parts.join(', ') + (ignored > 0 ? ` (${ignored} more ignored because NotReady)` : '');
}

export function failingMessage({ counts, failed }: Facts): string {
  const [first] = failed;
  const example = first === undefined ? '' : `, for example ${first.name}: ${first.message}`;
  return `${counts.failed} of ${counts.matching} nodes failing${example}`;
}

/** Which revision, where and why, what has become of the nodes, and what to do. */
export function stoppedMessage(facts: Facts): string {
  const { failed, input } = facts;
  const [first] = failed;
  const example = first && ` on ${failed.length} nodes, first ${first.name} (${first.reason}: ${first.message})`;
  const revision = input.plan.target?.revision ?? '';
  return `revision ${revision} failed${example ?? ''}; ${outcome(facts)}. Edit the spec to try again`;
}

function outcome({ phase, input: { plan } }: Facts): string {
  if (phase === 'Failed') return 'nodes that have it keep it (onFailure: Pause)';
  const back = plan.settled && `revision ${plan.settled.revision} or `;
  return `nodes ${phase === 'RollingBack' ? 'are going' : 'have gone'} back to ${back ?? ''}what they had before`;
}
