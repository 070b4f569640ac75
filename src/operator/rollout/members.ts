import type { FailedNode, NodeAssignment, ProxyNodeState } from '../../api/index.ts';
import { isTold } from '../cluster/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { failureOf, healthOf } from './health.ts';
import type { Health } from './health.ts';
import { belongsTo } from './node-state.ts';
import { isOn } from './target.ts';

/** A node of a config, as its rollout sees it. */
export interface Member {
  readonly node: ClusterNode;
  /** What it was told last, and says about it; undefined: it is new. */
  readonly state: ProxyNodeState | undefined;
  /** It was told the target. */
  readonly onTarget: boolean;
  /** It was told something in the rollout that began at `startedAt`. */
  readonly touched: boolean;
  /** It was told the target in that rollout, to see whether it works there. */
  readonly onTrial: boolean;
  readonly health: Health;
  /** Why it fails on trial; not if it failed in the same way before. */
  readonly failure: FailedNode | undefined;
}

/** The nodes of a config, sorted by name, control-plane nodes last: they are the worst to try things on. */
export function membersOf(
  nodes: readonly ClusterNode[],
  stateOf: (node: ClusterNode) => ProxyNodeState | undefined,
  target: NodeAssignment,
  startedAt: string | undefined,
): Member[] {
  const members = nodes.map((node) => memberOf(node, stateOf(node), target, startedAt));
  return members.sort((a, b) => byTrialOrder(a.node, b.node));
}

function memberOf(
  node: ClusterNode,
  state: ProxyNodeState | undefined,
  target: NodeAssignment,
  startedAt: string | undefined,
): Member {
  if (!hasSomething(state, node)) {
    return { ...{ node, state: undefined, health: 'pending', failure: undefined }, ...nowhere };
  }
  const { rollout } = state.spec;
  const onTarget = isOn(state.spec, target);
  const touched = rollout !== undefined && rollout.startedAt === startedAt;
  const onTrial = onTarget && touched && rollout.returning === undefined;
  const failure = onTrial ? failureOf(state) : undefined;
  const itsFault = failure !== undefined && failure.reason !== rollout?.failingBefore;
  return { node, state, onTarget, touched, onTrial, health: healthOf(state), failure: itsFault ? failure : undefined };
}

/** Who is cleaned up is as good as new: there is nothing that could be taken from it. */
function hasSomething(state: ProxyNodeState | undefined, node: ClusterNode): state is ProxyNodeState {
  return isTold(state) && belongsTo(state, node) && state.spec.cleanup === undefined;
}

const nowhere = { onTarget: false, touched: false, onTrial: false };

/** Sorts nodes as things are tried on them: by name, control-plane nodes last. */
export function byTrialOrder(a: ClusterNode, b: ClusterNode): number {
  return rank(a) - rank(b) || (a.name < b.name ? -1 : 1);
}

function rank({ labels }: ClusterNode): number {
  return 'node-role.kubernetes.io/control-plane' in labels ? 1 : 0;
}

/** Works with what it was told, and its Node is Ready. */
export function isGood({ health, node }: Member): boolean {
  return health === 'ready' && node.ready;
}

/**
 * Is on its way: told something in this rollout, and not good. A node that went NotReady on trial counts, because that
 * is what a bad configuration looks like; one that is told what is good already does not.
 */
export function isUnavailable(member: Member): boolean {
  return member.touched && !isGood(member) && (member.onTrial || member.node.ready);
}
