import { agentSilent, conditionOf, nextCondition } from '../../api/index.ts';
import type { Condition, ProxyNodeState } from '../../api/index.ts';
import type { Silence } from '../cluster/index.ts';
import { fateOf } from './uncovered.ts';

/** What the operator knows of a node and its agent cannot say. */
export interface Knowledge {
  /** A ProxyConfig governs the node. */
  readonly covered: boolean;
  /** Undefined while the node's agent is heard of. */
  readonly silence: Silence | undefined;
  readonly now: Date;
}

/**
 * The conditions that the operator is to apply to a ProxyNodeState, all of them: server-side apply takes away what it no
 * longer names. Undefined if the object says them already.
 *
 * `Uncovered` is the operator's own. `Synced` is the agent's, and said in its place while it is silent. Only the agent
 * takes that back, by saying something else: the operator alone would leave nothing of the condition.
 */
export function operatorConditions(state: ProxyNodeState, knowledge: Knowledge): Condition[] | undefined {
  const before = state.status?.conditions ?? [];
  const [uncovered, synced] = [uncoveredOf(state, knowledge), syncedOf(state, knowledge)];
  const said = conditionOf(before, 'Uncovered');
  if (said?.message === uncovered?.message && (synced === undefined || isSilent(conditionOf(before, 'Synced')))) {
    return undefined;
  }
  return [uncovered, synced].filter((condition) => condition !== undefined);
}

/** Nothing if a ProxyConfig governs the node, else what becomes of its rules. */
function uncoveredOf(state: ProxyNodeState, { covered, now }: Knowledge): Condition | undefined {
  if (covered) return undefined;
  return nextCondition({ type: 'Uncovered', status: 'True', ...fateOf(state) }, state.status?.conditions ?? [], now);
}

function syncedOf({ status }: ProxyNodeState, { silence, now }: Knowledge): Condition | undefined {
  const before = status?.conditions ?? [];
  const said = conditionOf(before, 'Synced');
  // The Lease is renewed before the agent gets to contradict.
  if (isSilent(said)) return said;
  if (silence === undefined) return undefined;
  const since = silence.since === undefined ? '' : ` since ${silence.since}`;
  const message =
    `nothing has been heard of the agent of this node${since}: the kernel keeps what it has, and nobody follows Services. ` +
    `See the agent's Pod on this node, and whether agents may follow Services and renew their Leases`;
  return nextCondition({ type: 'Synced', status: 'Unknown', reason: agentSilent, message }, before, now);
}

function isSilent(synced: Condition | undefined): synced is Condition {
  return synced?.reason === agentSilent;
}
