import { effectiveRollout } from '../../api/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { isStopped, mostUnavailable } from '../rollout/index.ts';
import type { ConfigPlan, Progress } from '../rollout/index.ts';
import { labelOf } from './nodes.ts';
import type { RulesLeft } from './nodes.ts';

/** How far a ProxyConfig is that wants kube-proxy parked. */
export type Stage =
  | 'AllNodesParked'
  /** Its nodes do not all have what it says yet, or a person has paused it. */
  | 'WaitingForRollout'
  | 'RolloutFailed'
  /** A node on which kube-proxy is parked does not work, or cannot get rid of its rules. */
  | 'ParkedNodeNotReady'
  | 'Parking';

/** A node of the config, as its parking sees it. */
export interface ParkingMember {
  readonly node: ClusterNode;
  readonly progress: Progress;
  /** Labelled `parked`, and its agent has been told that kube-proxy's Pod is gone. */
  readonly settled: boolean;
  /** Of kube-proxy's. Those that nobody keeps up to date send connections to endpoints that have gone. */
  readonly rules: RulesLeft;
  /** False while kube-proxy is to be there whatever the config says: its rollout has failed here. */
  readonly wanted: boolean;
}

/** What is to be done next. */
export interface Step {
  readonly stage: Stage;
  /** Nodes to be parked now. */
  readonly park: readonly ClusterNode[];
  /** Since when the first nodes have worked without kube-proxy; undefined unless that is what is waited for. */
  readonly soakingSince: Date | undefined;
  /** When they have for long enough, in seconds from now. */
  readonly soakedIn: number | undefined;
}

/**
 * Which nodes of a config are parked next: as many first as a rollout has canaries, the others when these have worked for
 * `soakSeconds`, as many at a time as may be on their way: until kube-proxy's Pod and rules are gone. Nothing begins before
 * every node that is Ready has what the config says now, and nothing goes on while a parked node does not work. Nodes that
 * are NotReady wait until they are back.
 *
 * @param members sorted: the first are tried first
 */
export function stepOf(plan: ConfigPlan, members: readonly ParkingMember[], now: Date): Step {
  const parked = members.filter(isParked);
  const waiting = members.filter((member) => member.node.ready && !isParked(member));
  const onTheirWay = parked.filter(({ node, settled, rules }) => node.ready && !(settled && rules === 'none')).length;
  const still = (stage: Stage): Step => ({ stage, park: [], soakingSince: undefined, soakedIn: undefined });
  if (parked.length > 0 && waiting.length + onTheirWay === 0) return still('AllNodesParked');
  const obstacle = obstacleOf(plan, parked, waiting);
  if (obstacle !== undefined) return still(obstacle);
  const { canary, maxUnavailable } = effectiveRollout(plan.checked.config.spec.rollout);
  const free = mostUnavailable(maxUnavailable, members.length) - onTheirWay;
  const next = (count: number): ClusterNode[] => waiting.slice(0, Math.max(0, count)).map(({ node }) => node);
  if (parked.length > canary.nodes || canary.nodes === 0) return { ...still('Parking'), park: next(free) };
  if (parked.length < canary.nodes || onTheirWay > 0) {
    return { ...still('Parking'), park: next(Math.min(free, canary.nodes - parked.length)) };
  }
  const soakingSince = sinceOf(plan, now);
  const soakedIn = canary.soakSeconds - (now.getTime() - soakingSince.getTime()) / 1000;
  return { stage: 'Parking', park: next(soakedIn > 0 ? 0 : free), soakingSince, soakedIn: Math.max(0, soakedIn) };
}

function obstacleOf(
  { rollout, checked }: ConfigPlan,
  parked: readonly ParkingMember[],
  waiting: readonly ParkingMember[],
): Stage | undefined {
  if (rollout !== undefined && isStopped(rollout)) return 'RolloutFailed';
  if (rollout?.phase !== 'Complete' || checked.config.spec.rollout?.paused || !waiting.every(isGood))
    return 'WaitingForRollout';
  if (parked.length + waiting.length === 0) return 'WaitingForRollout';
  return parked.every((member) => isGood(member) && member.rules !== 'stuck') ? undefined : 'ParkedNodeNotReady';
}

function isParked({ node, wanted }: ParkingMember): boolean {
  return wanted && labelOf(node) === 'parked';
}

function isGood({ node, progress }: ParkingMember): boolean {
  return node.ready && progress === 'ready';
}

function sinceOf({ checked }: ConfigPlan, now: Date): Date {
  const since = Date.parse(checked.config.status?.kubeProxy?.soakingSince ?? '');
  return Number.isNaN(since) ? now : new Date(since);
}
