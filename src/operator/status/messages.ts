import { canonicalJson, effectiveRollout, maximumNamedNodes } from '../../api/index.ts';
import type { ProxyConfigSpec } from '../../api/index.ts';
import type { CheckedConfig } from '../cluster/index.ts';
import type { ConfigPlan, Share } from '../rollout/index.ts';
import type { Facts } from './facts.ts';

/** Names of nodes for a message, not all of them if they are many. */
export function namesOf(nodes: readonly string[]): string {
  const more = nodes.length - maximumNamedNodes;
  return [...nodes].sort().slice(0, maximumNamedNodes).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

export function leftOut({ unsupported }: Share): string {
  return unsupported.length === 0
    ? ''
    : `; left out because no agent runs there (their system, taints or labels): ${namesOf(unsupported)}`;
}

export function uncoveredMessage({ uncovered }: Share, { onDelete }: ProxyConfigSpec): string {
  const fate =
    onDelete === 'Cleanup'
      ? 'their rules are removed (onDelete: Cleanup), one node first; pause the rollout to stop that'
      : 'they go on with what this one said last';
  return `no valid ProxyConfig selects these nodes any more, and ${fate}: ${namesOf(uncovered)}`;
}

export function invalidMessage({ errors }: CheckedConfig): string {
  return errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

export function unknownMessage({ unknownFields }: CheckedConfig, share: Share): string {
  const fields = (unknownFields ?? []).join(', ');
  return `the spec is valid without fields of a newer version, which this one does not know: ${fields}${leftOut(share)}`;
}

export function noNodeMessage(share: Share): string {
  return `nodeSelector selects no node${leftOut(share)}`;
}

export function shadowedMessage({ selected }: Share): string {
  return `other ProxyConfigs of higher rank (priority, then age, then name) have all ${selected} nodes that it selects`;
}

/** Which nodes, what happens instead, and what to do. */
export function wouldLoseMessage({ input: { wouldLoseAgents, plan } }: Facts): string {
  const { maxUnavailable } = effectiveRollout(plan.checked.config.spec.rollout);
  return (
    `where agents run stays as it is: ${wouldLoseAgents.length} nodes would lose theirs (${namesOf(wouldLoseAgents)}), ` +
    `which is all of them or more than rollout.maxUnavailable (${maxUnavailable}). Mend spec.agent.tolerations of the ` +
    `ProxyConfigs or the operator's --agent-node-selector, or take agents away in smaller steps`
  );
}

/** E.g. `3/5 nodes have revision 0f3a…, 1 failing, 1 pending (2 more ignored because NotReady)`. */
export function progressMessage({ counts, input }: Facts): string {
  const { matching, ready, failed, silent, pending, ignored } = counts;
  const parts = [`${ready}/${matching - ignored} nodes have revision ${input.plan.target?.revision ?? 'none'}`];
  if (failed > 0) parts.push(`${failed} failing`);
  if (silent > 0) parts.push(`${silent} silent`);
  if (pending > 0) parts.push(`${pending} pending`);
  return parts.join(', ') + (ignored > 0 ? ` (${ignored} more ignored because NotReady)` : '');
}

export function failingMessage({ counts, named }: Facts): string {
  const [first] = named.failedNodes;
  const example = first === undefined ? '' : `, for example ${first.name}: ${first.message}`;
  return `${counts.failed} of ${counts.matching} nodes failing${example}`;
}

/** How many, which, and what to do; `silentNodes` has the rest. */
export function silentMessage({ counts, named }: Facts): string {
  const [first] = named.silentNodes;
  const example = first === undefined ? '' : `, for example ${first.name}: ${first.message}`;
  return `nothing is heard of the agents of ${counts.silent} of ${counts.matching} nodes${example}`;
}

/** Which revision, where and why, what has become of the nodes, and what to do. */
export function stoppedMessage(facts: Facts): string {
  const { named, input } = facts;
  const [first] = named.failedNodes;
  const example =
    first && ` on ${named.failedNodes.length} nodes, first ${first.name} (${first.reason}: ${first.message})`;
  const revision = input.plan.target?.revision ?? '';
  return `revision ${revision} failed${example ?? ''}; ${outcome(facts)}. ${remedy(input.plan)}`;
}

/** A new operator brings new agents, which no edit of settings mends. */
function remedy({ target, settled }: ConfigPlan): string {
  const agentsOnly =
    settled !== undefined &&
    target !== undefined &&
    settled.agentRevision !== target.agentRevision &&
    canonicalJson(settled.config) === canonicalJson(target.config);
  return agentsOnly
    ? 'Only the agents are others: mend spec.agent, or run the operator with another image, to try again'
    : 'Edit the spec to try again';
}

function outcome({ phase, input: { plan } }: Facts): string {
  if (phase === 'Failed') return 'nodes that have it keep it (onFailure: Pause)';
  const back = plan.settled && `revision ${plan.settled.revision} or `;
  return `nodes ${phase === 'RollingBack' ? 'are going' : 'have gone'} back to ${back ?? ''}what they had before`;
}
