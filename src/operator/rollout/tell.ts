import { conditionOf } from '../../api/index.ts';
import type { NodeAssignment, NodeRollout, ProxyNodeState, ProxyNodeStateSpec } from '../../api/index.ts';
import { healthOf, seriousDegradation } from './health.ts';
import type { Member } from './members.ts';
import type { Situation } from './situation.ts';
import { assignmentOf, isOn } from './target.ts';

/** By name of the node, what it is to be told. */
export type Tell = Map<string, ProxyNodeStateSpec>;

/** The revision that the config of that name rolled out last to its end; `gone` if there is no such config. */
export type SettledRevision = (config: string) => { readonly revision: string | undefined } | 'gone';

/** Tells nodes the target to see whether it works there, with what they go back to if not. */
export function tryOn(members: readonly Member[], situation: Situation, settledRevision: SettledRevision): Tell {
  const { target, rollout } = situation;
  return new Map(
    members.map(({ node, state }) => {
      const previous = state && previousOf(state, rollout.startedAt, settledRevision);
      const failingBefore = state && failingReason(state);
      const marker: NodeRollout = {
        startedAt: rollout.startedAt,
        ...(previous !== undefined && !isOn(previous, target) && { previous }),
        ...(failingBefore !== undefined && { failingBefore }),
      };
      return [node.name, { ...target, rollout: marker }];
    }),
  );
}

/** Tells nodes what is known to be good. */
export function bringBack(
  members: readonly Member[],
  { rollout: { startedAt } }: Situation,
  assignment: (member: Member) => NodeAssignment | undefined,
): Tell {
  const returning: NodeRollout = { startedAt, returning: true };
  return new Map(
    members.flatMap((member) => {
      const known = assignment(member);
      return known === undefined ? [] : [[member.node.name, { ...known, rollout: returning }]];
    }),
  );
}

/** Tells new nodes what there is for them: they have nothing that could be taken from them. */
export function welcome(members: readonly Member[], assignment: NodeAssignment): Tell {
  return new Map(members.map(({ node }) => [node.name, { ...assignment }]));
}

/**
 * What a node goes back to: what it has, if that was rolled out to its end; what it would have gone back to from there,
 * if it has that on trial only; else what it has if that works.
 */
function previousOf(
  state: ProxyNodeState,
  startedAt: string,
  settledRevision: SettledRevision,
): NodeAssignment | undefined {
  const { spec } = state;
  const { returning, previous, startedAt: toldIn }: Partial<NodeRollout> = spec.rollout ?? {};
  const known = settledRevision(spec.configRef.name);
  const settled = known === 'gone' ? undefined : known.revision;
  if (returning !== undefined || settled === spec.revision) return assignmentOf(spec);
  const working = healthOf(state) === 'ready' ? assignmentOf(spec) : undefined;
  const onTrial = toldIn === startedAt || settled !== undefined;
  const choice = onTrial ? [previous, working] : [working, previous];
  return choice.find((each) => each !== undefined);
}

/** Why the node's agent says that it fails, whatever it speaks of: it may say so once more before it tries the new. */
function failingReason({ status }: ProxyNodeState): string | undefined {
  const synced = conditionOf(status?.conditions, 'Synced');
  return synced?.status === 'False' ? synced.reason : seriousDegradation(status)?.reason;
}
