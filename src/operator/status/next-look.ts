import { effectiveRollout } from '../../api/index.ts';
import type { Again } from '../../kubernetes/index.ts';
import type { AgentCounts } from '../cluster/index.ts';
import { graceSeconds } from '../rollout/index.ts';
import type { ConfigPlan } from '../rollout/index.ts';
import { agentGraceSeconds } from './config-status.ts';
import { patienceEnds } from './patience.ts';

/** When something changes by time alone: canaries have soaked, a deadline is over, agents have been missing for long. */
export function nextLook(
  plans: readonly ConfigPlan[],
  agents: AgentCounts | undefined,
  { now, since }: { now: Date; since: Date },
): Again | undefined {
  const begun = (since.getTime() - now.getTime()) / 1000 + graceSeconds;
  const all = [...plans.flatMap((plan) => timesOf(plan, now)), ...graceOf(agents), begun];
  const times = all.filter((seconds) => seconds > 0);
  return times.length === 0 ? undefined : { afterSeconds: Math.min(...times) + 0.1 };
}

/** In seconds from now; those that are over are negative. */
function timesOf(plan: ConfigPlan, now: Date): number[] {
  const { checked, rollout } = plan;
  if (rollout === undefined || checked.errors.length > 0) return [];
  const { canary, progressDeadlineSeconds } = effectiveRollout(checked.config.spec.rollout);
  const until = (since: string, seconds: number): number => (Date.parse(since) - now.getTime()) / 1000 + seconds;
  const deadlines = [progressDeadlineSeconds, progressDeadlineSeconds + canary.soakSeconds];
  const patience = patienceEnds(plan, checked.config.status);
  return [
    ...(patience === undefined ? [] : [(patience - now.getTime()) / 1000]),
    ...deadlines.map((seconds) => until(rollout.lastProgressAt, seconds)),
    ...(rollout.phase === 'Soaking' && rollout.canaryReadyAt !== undefined
      ? [Math.max(0.1, until(rollout.canaryReadyAt, canary.soakSeconds))]
      : []),
  ];
}

function graceOf(agents: AgentCounts | undefined): number[] {
  if (agents === undefined || agents.ready >= agents.desired) return [];
  return [agentGraceSeconds - agents.shortForSeconds];
}
