import { expect } from 'vitest';
import { conditionOf, effectiveRollout } from '../../../api/index.ts';
import type { ProxyNodeState, ProxyNodeStateSpec } from '../../../api/index.ts';
import type { ClusterNode } from '../../cluster/index.ts';
import type { ConfigPlan } from '../../rollout/index.ts';
import { deadlineSeconds } from './stories.ts';

export const synced = (state: ProxyNodeState | undefined) => conditionOf(state?.status?.conditions, 'Synced');
export const works = (state: ProxyNodeState | undefined) =>
  state?.status?.appliedRevision === state?.spec.revision && synced(state)?.status === 'True';
const fails = (state: ProxyNodeState | undefined) =>
  synced(state)?.status === 'False' && synced(state)?.observedGeneration === state?.metadata.generation;

export const isClean = (state: ProxyNodeState) =>
  synced(state)?.reason === 'CleanedUp' && synced(state)?.observedGeneration === state.metadata.generation;
export const governedBy = (plans: ReadonlyMap<string, ConfigPlan>) =>
  new Set([...plans.values()].flatMap(({ share }) => share.won.map(({ name }) => name)));
export const mostOf = (maxUnavailable: number | string, nodes: number) => {
  const text = String(maxUnavailable);
  return Math.max(1, text.endsWith('%') ? Math.floor((nodes * Number.parseInt(text)) / 100) : Number(text));
};

/** A node of a config before and after a plan. */
export interface Seen {
  readonly node: ClusterNode;
  readonly was: ProxyNodeState | undefined;
  /** What the plan tells it. */
  readonly told: ProxyNodeStateSpec | undefined;
  /** What it has then. */
  readonly has: ProxyNodeStateSpec | undefined;
}

export const stoppedPhase = /^(RollingBack|RolledBack|Failed)$/;

/** Was told something in this rollout. */
const touched = ({ rollout }: ConfigPlan, { has }: Seen) =>
  has?.rollout !== undefined && has.rollout.startedAt === rollout?.startedAt;
/** ... to see whether it works. */
export const onTrial = (plan: ConfigPlan, seen: Seen) =>
  touched(plan, seen) &&
  seen.has?.rollout?.returning === undefined &&
  seen.has?.configRef.name === plan.checked.config.metadata.name &&
  seen.has.revision === plan.target?.revision;
const isGood = ({ node, was, told }: Seen) => told === undefined && works(was) && node.ready;
/** Has not come to rest with what it was told in this rollout. */
const onItsWay = (plan: ConfigPlan, seen: Seen) =>
  touched(plan, seen) && !isGood(seen) && (seen.node.ready || onTrial(plan, seen));

/** maxUnavailable: nobody who works is told anything while so many are on their way. */
export function checkUnavailable(plan: ConfigPlan, mine: readonly Seen[], now: number): void {
  const { maxUnavailable } = effectiveRollout(plan.checked.config.spec.rollout);
  const counted = mine.filter((seen) => seen.node.ready || touched(plan, seen)).length;
  const most = mostOf(maxUnavailable, counted);
  // Going back is the exception: nodes that do not come back hold up the others no longer than the deadline.
  const last = Date.parse(plan.checked.config.status?.rollout?.lastProgressAt ?? '');
  const patient = !/^Roll(ingBack|edBack)$/.test(plan.rollout?.phase ?? '') || now - last <= deadlineSeconds * 1000;
  const disturbs = mine.some(({ node, was, told }) => told !== undefined && works(was) && node.ready);
  if (!disturbs || !patient) return;
  expect(mine.filter((seen) => onItsWay(plan, seen)).length, 'on their way').toBeLessThanOrEqual(most);
}

/** Canaries first, and nobody is tried on any more when so many have failed. */
export function checkFailures(plan: ConfigPlan, mine: readonly Seen[]): void {
  const { maxFailed, canary } = effectiveRollout(plan.checked.config.spec.rollout);
  const trial = mine.filter((seen) => onTrial(plan, seen));
  const newly = trial.filter(({ told }) => told !== undefined);
  if (newly.length === 0) return;
  if (plan.rollout?.canaryPassedAt === undefined) expect(trial.length, 'canaries').toBeLessThanOrEqual(canary.nodes);
  const failed = trial.filter(
    ({ told, was, has }) => told === undefined && fails(was) && has?.rollout?.failingBefore === undefined,
  );
  expect(failed.length, 'failed').toBeLessThan(maxFailed);
}
