import type { RolloutStatus } from '../../api/index.ts';
import { isGood } from './members.ts';
import type { Member } from './members.ts';
import type { Situation } from './situation.ts';
import type { Work } from './work.ts';

/** Whether the canaries have been ready for long enough, as phase and times of the rollout. */
export function canaryGate({ rollout, settings, now }: Situation, work: Work): RolloutStatus {
  const { canaryReadyAt, ...rest } = rollout;
  if (rollout.canaryPassedAt !== undefined) return { ...rollout, phase: 'Rolling' };
  const wanted = Math.min(settings.canary.nodes, candidates(work));
  if (wanted === 0) return { ...rest, phase: 'Rolling', canaryPassedAt: now.toISOString() };
  if (work.trial.length < wanted || !work.trial.every(isGood)) return { ...rest, phase: 'Canary' };
  const readyAt = canaryReadyAt ?? now.toISOString();
  const soaking = { ...rest, canaryReadyAt: readyAt };
  if (now.getTime() - Date.parse(readyAt) < settings.canary.soakSeconds * 1000) return { ...soaking, phase: 'Soaking' };
  return { ...soaking, phase: 'Rolling', canaryPassedAt: now.toISOString() };
}

/** Who is to be tried on before all others: nodes that work, as far as there are any. */
export function nextCanaries({ settings, free }: Situation, work: Work): Member[] {
  const { trial, healthy, adrift, broken } = work;
  const missing = Math.min(settings.canary.nodes, candidates(work)) - trial.length;
  const affordable = Math.max(0, Math.min(missing, free));
  const chosen = [...healthy.slice(0, affordable), ...adrift].slice(0, missing);
  return chosen.length > 0 || trial.length > 0 ? chosen : broken.slice(0, affordable);
}

function candidates({ trial, healthy, adrift, broken }: Work): number {
  return trial.length + healthy.length + adrift.length + broken.length;
}
