import type { NodeAssignment } from '../../api/index.ts';
import { mostUnavailable } from './budget.ts';
import type { Decision } from './decision.ts';
import { isGood } from './members.ts';
import type { Member } from './members.ts';
import type { Situation } from './situation.ts';
import { bringBack } from './tell.ts';
import type { Tell } from './tell.ts';
import { isIdle, withinBudget } from './work.ts';
import type { Work } from './work.ts';

/**
 * The next step of a rollout that failures have stopped: nothing, or nodes get what they had before. Those that fail
 * first, all at once; those that work with the new revision as many at a time as may be on their way.
 */
export function stoppedStep(situation: Situation, work: Work, joined: Tell): Decision {
  const { rollout, settled, target, now } = situation;
  const step = { settled, tell: joined, failures: [] };
  if (isOver(situation, work)) {
    const complete = { ...rollout, phase: 'Complete', lastProgressAt: now.toISOString() } as const;
    return { ...step, rollout: complete, settled: target };
  }
  if (rollout.phase === 'Failed') return { ...step, rollout };
  const waiting = situation.members.filter((member) => wayBack(situation, member) !== undefined);
  const back = withinBudget(waiting, freeFor(situation));
  const tell = new Map([...joined, ...bringBack(back, situation, (member) => wayBack(situation, member))]);
  const phase = back.length === waiting.length ? 'RolledBack' : 'RollingBack';
  const lastProgressAt = back.length > 0 ? now.toISOString() : rollout.lastProgressAt;
  return { ...step, tell, rollout: { ...rollout, phase, lastProgressAt } };
}

/** Nothing is left of what had failed: nodes went elsewhere, or have recovered by themselves where they could stay. */
function isOver({ proven, members }: Situation, work: Work): boolean {
  if (proven && isIdle(work)) return true;
  const asked = members.filter(({ node, touched }) => node.ready || touched);
  return asked.length > 0 && asked.every((member) => member.onTarget && isGood(member));
}

/** What a node goes back to; undefined if it need not or there is nothing. */
function wayBack({ proven, settled }: Situation, member: Member): NodeAssignment | undefined {
  if (member.onTarget ? proven && !member.onTrial : !isInterrupted(member)) return undefined;
  const previous = member.state?.spec.rollout?.previous;
  return previous ?? (proven && member.onTarget ? undefined : settled);
}

/** Has an earlier edit of the same rollout on trial: that has not been proven, either. */
function isInterrupted({ touched, state }: Member): boolean {
  return touched && state?.spec.rollout?.returning === undefined;
}

/** Nodes that do not come back hold up the others no longer than the deadline. */
function freeFor({ free, overdue, settings, members }: Situation): number {
  return overdue ? mostUnavailable(settings.maxUnavailable, members.length) : free;
}
