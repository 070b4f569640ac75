import type {
  EffectiveRollout,
  NodeAssignment,
  ProxyConfig,
  ProxyNodeState,
  RolloutPhase,
  RolloutStatus,
} from '../../api/index.ts';
import { effectiveRollout } from '../../api/index.ts';
import type { CheckedConfig, ClusterNode } from '../cluster/index.ts';
import type { Share } from './assign-nodes.ts';
import { mostUnavailable } from './budget.ts';
import { isUnavailable, membersOf } from './members.ts';
import type { Member } from './members.ts';
import { isOn, settledOf } from './target.ts';

/** Everything that the next step of one config's rollout depends on. */
export interface Situation {
  readonly target: NodeAssignment;
  /** What was rolled out last to its end. */
  readonly settled: NodeAssignment | undefined;
  /** The target is that: only nodes that come from elsewhere have to be tried. */
  readonly proven: boolean;
  readonly settings: EffectiveRollout;
  readonly members: readonly Member[];
  /** Where the rollout is; a fresh one if something has changed that it is about. */
  readonly rollout: RolloutStatus;
  /** The rollout before this one, if it was Complete and the target is still the same: it stays if there is no work. */
  readonly completed: RolloutStatus | undefined;
  readonly now: Date;
  /** How many more nodes may be on their way. */
  readonly free: number;
  /** Nothing has gone on for too long. */
  readonly overdue: boolean;
}

const stoppedPhases: readonly RolloutPhase[] = ['RollingBack', 'RolledBack', 'Failed'];

/** Stopped by failures. */
export function isStopped({ phase }: RolloutStatus): boolean {
  return stoppedPhases.includes(phase);
}

/** The situation of a valid config that wants `target`, with the nodes of its share. */
export function situationOf(
  { config }: CheckedConfig,
  { won }: Share,
  target: NodeAssignment,
  {
    stateOf,
    now,
    since,
  }: { stateOf: (node: ClusterNode) => ProxyNodeState | undefined; now: Date; since: Date | undefined },
): Situation {
  const { status, spec } = config;
  const [settled, settings] = [settledOf(config), effectiveRollout(spec.rollout)];
  const before = goesOn(config, target) ? status?.rollout : undefined;
  const completed = before?.phase === 'Complete' ? before : undefined;
  const startedAt = nameOf(status?.rollout, now);
  const fresh: RolloutStatus = { phase: 'Canary', startedAt, lastProgressAt: now.toISOString() };
  const rollout = completed === undefined ? (before ?? fresh) : fresh;
  const members = membersOf(won, stateOf, target, startedAt);
  const counted = members.filter(({ node, touched }) => node.ready || touched).length;
  return {
    ...{ target, settled, settings, members, rollout, completed, now },
    proven: settled !== undefined && isOn(settled, target),
    free: mostUnavailable(settings.maxUnavailable, counted) - members.filter(isUnavailable).length,
    overdue: isOverdue(rollout, settings, now) && hasLooked(since, now),
  };
}

/** A stopped rollout starts again when somebody edits the spec, others only when there is something else to roll out. */
function goesOn({ status, metadata }: ProxyConfig, target: NodeAssignment): boolean {
  const { rollout, updateRevision, observedGeneration } = status ?? {};
  if (rollout === undefined || updateRevision !== target.revision) return false;
  return !isStopped(rollout) || observedGeneration === metadata.generation;
}

/** The name of a rollout is when it began: it stays over edits, until all is settled, and is never used twice. */
function nameOf(before: RolloutStatus | undefined, now: Date): string {
  if (before === undefined) return now.toISOString();
  if (before.phase !== 'Complete') return before.startedAt;
  return new Date(Math.max(now.getTime(), Date.parse(before.startedAt) + 1)).toISOString();
}

/**
 * For so long nobody is late for an operator that has just begun: it may be the API server that was away, and then agents
 * could not report, either. They follow it again within half a minute.
 */
export const graceSeconds = 60;

function hasLooked(since: Date | undefined, now: Date): boolean {
  return since === undefined || now.getTime() - since.getTime() > graceSeconds * 1000;
}

/** Canaries may also be waited for while they soak, so that a rollout that is interrupted there still ends. */
export function deadlineSeconds({ canaryPassedAt }: RolloutStatus, settings: EffectiveRollout): number {
  return settings.progressDeadlineSeconds + (canaryPassedAt === undefined ? settings.canary.soakSeconds : 0);
}

function isOverdue(rollout: RolloutStatus, settings: EffectiveRollout, now: Date): boolean {
  const silent = (now.getTime() - Date.parse(rollout.lastProgressAt)) / 1000;
  // While paused nobody expects progress; the clock starts anew afterwards.
  return rollout.phase !== 'Paused' && silent > deadlineSeconds(rollout, settings);
}
