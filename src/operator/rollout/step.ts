import type { FailedNode, ProxyNodeStateSpec, RolloutStatus } from '../../api/index.ts';
import { canaryGate, nextCanaries } from './canaries.ts';
import type { Decision } from './decision.ts';
import { failuresOf } from './failures.ts';
import type { Member } from './members.ts';
import { stoppedStep } from './rollback.ts';
import { isStopped } from './situation.ts';
import type { Situation } from './situation.ts';
import { bringBack, tryOn, welcome } from './tell.ts';
import type { SettledRevision, Tell } from './tell.ts';
import { isIdle, newlyUnavailable, withinBudget, workOf } from './work.ts';
import type { Work } from './work.ts';

/** The next step of a rollout. */
export function stepOf(situation: Situation, settledRevision: SettledRevision): Decision {
  const { rollout, settings, completed, proven, settled } = situation;
  const work = workOf(situation);
  const joined = join(situation, work);
  const still = { settled, tell: joined, failures: [] };
  if (isStopped(rollout)) return stoppedStep(situation, work, joined);
  if (proven && isIdle(work)) return { ...still, rollout: completed ?? done(situation) };
  if (settings.paused) return { ...still, rollout: { ...rollout, phase: 'Paused' } };
  return forward(resumed(situation), work, joined, settledRevision);
}

function forward(situation: Situation, work: Work, joined: Tell, settledRevision: SettledRevision): Decision {
  const { rollout, settings, settled } = situation;
  const failures = failuresOf(situation, work);
  const limit = rollout.canaryPassedAt === undefined ? 1 : settings.maxFailed;
  if (failures.length >= limit) return stop(situation, work, joined, failures);
  const gate = canaryGate(situation, work);
  if (gate.phase === 'Rolling' && isOver(situation, work, failures)) {
    return { rollout: done(situation), settled: situation.target, tell: joined, failures };
  }
  const { trying, back } = chosen(situation, work, gate);
  const told = trying.length + back.length > 0;
  if (!told && isStuck(situation, gate) && waits(work, failures)) return stop(situation, work, joined, failures);
  const progress = told || gate.canaryPassedAt !== rollout.canaryPassedAt;
  const lastProgressAt = progress ? situation.now.toISOString() : rollout.lastProgressAt;
  const tell = new Map<string, ProxyNodeStateSpec>([
    ...joined,
    ...tryOn(trying, situation, settledRevision),
    ...bringBack(back, situation, () => situation.target),
  ]);
  return { rollout: { ...gate, lastProgressAt }, settled, tell, failures };
}

/** Who is tried on next, and who is brought back. */
function chosen(situation: Situation, work: Work, { phase }: RolloutStatus): { trying: Member[]; back: Member[] } {
  const back = withinBudget(work.returning, situation.free);
  const left = { ...situation, free: situation.free - newlyUnavailable(back) };
  return { back, trying: phase === 'Rolling' ? nextBatch(left, work) : nextCanaries(left, work) };
}

function nextBatch(situation: Situation, { trial, healthy, adrift, broken }: Work): Member[] {
  const free = Math.max(0, situation.free);
  if (healthy.length + adrift.length > 0) return [...adrift, ...healthy.slice(0, free)];
  return trial.length > 0 || isProved(situation) ? [] : broken.slice(0, free);
}

/** All who could be asked have the target, or are among the few that may fail; and somebody works with it. */
function isOver(situation: Situation, work: Work, failures: readonly FailedNode[]): boolean {
  const { trial, healthy, adrift, returning } = work;
  if (healthy.length + adrift.length + returning.length > 0) return false;
  const failed = new Set(failures.map(({ name }) => name));
  return isProved(situation) && trial.every(({ node, health }) => health === 'ready' || failed.has(node.name));
}

function isProved({ members, proven }: Situation): boolean {
  return proven || members.some(({ onTarget, health }) => onTarget && health === 'ready');
}

/** Nothing has gone on for too long, and canaries that work are not what is waited for. */
function isStuck({ overdue }: Situation, { phase }: RolloutStatus): boolean {
  return overdue && phase !== 'Soaking';
}

/** There is somebody to wait for. */
function waits(work: Work, failures: readonly FailedNode[]): boolean {
  return !isIdle(work) || failures.length > 0;
}

function stop(situation: Situation, work: Work, joined: Tell, failures: readonly FailedNode[]): Decision {
  const phase = situation.settings.onFailure === 'Rollback' ? 'RollingBack' : 'Failed';
  const rollout: RolloutStatus = { ...situation.rollout, phase, lastProgressAt: situation.now.toISOString() };
  return { ...stoppedStep({ ...situation, rollout, overdue: false }, work, joined), failures };
}

function done({ rollout, now }: Situation): RolloutStatus {
  return { ...rollout, phase: 'Complete', lastProgressAt: now.toISOString() };
}

/** The time in which nobody expected progress does not count. */
function resumed(situation: Situation): Situation {
  if (situation.rollout.phase !== 'Paused') return situation;
  return { ...situation, rollout: { ...situation.rollout, lastProgressAt: situation.now.toISOString() } };
}

/** New nodes get what is proven; without that only those that are NotReady get the target, unless it has failed. */
function join(situation: Situation, { joining, stranded }: Work): Tell {
  const { proven, settled, target, rollout } = situation;
  const assignment = settled === undefined || proven ? target : settled;
  if (isStopped(rollout)) return welcome(settled === undefined ? [] : joining, assignment);
  const touched = stranded.filter((member) => member.touched);
  const untouched = stranded.filter((member) => !member.touched);
  return new Map([
    ...welcome([...joining, ...untouched], assignment),
    ...bringBack(touched, situation, () => assignment),
  ]);
}
