import { conditionOf, maximumNodeMessage, shorten } from '../../api/index.ts';
import type { Condition, FailedNode, NamedNode, NodeCounts, ProxyNodeState } from '../../api/index.ts';
import { isCalledSilent } from '../cluster/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { failedNode, failureOf, healthOf } from './health.ts';
import { isOn } from './target.ts';
import type { ConfigPlan } from './plan.ts';

/**
 * How far a node is with what its config wants:
 * - `ready`: its agent has applied it and is in sync
 * - `failed`: its agent says that it cannot, or has not reported for too long
 * - `silent`: nothing is heard of its agent
 * - `ignored`: not ready, and the Node is NotReady: nobody can say, and nobody waits for it
 * - `pending`: anything else; it has not been told yet, or its agent has not reported on it
 */
export type Progress = 'ready' | 'failed' | 'silent' | 'ignored' | 'pending';

/** Why a node is waited for. */
export const pendingReasons = ['WaitingForTurn', 'NodeJoining', 'ApplyingRevision', 'Starting'] as const;

/** One node as a ProxyConfig's status sees it. */
export interface NodeProgress {
  readonly name: string;
  readonly progress: Progress;
  /** It was told what the config wants. */
  readonly updated: boolean;
  /** Why it is failed, silent or pending; undefined for the others. */
  readonly why: NamedNode | undefined;
  /** Condition Degraded, while True. */
  readonly degraded: Condition | undefined;
  /** Services and EndpointSlices that it cannot honour. */
  readonly objectsWithProblems: number;
}

/** How far the nodes of a config are; with an invalid config there is nothing that they could be told. */
export function progressOf(
  { share, target, failures }: ConfigPlan,
  stateOf: (node: ClusterNode) => ProxyNodeState | undefined,
  late: (state: ProxyNodeState) => boolean,
): NodeProgress[] {
  const failing = new Map(failures.map((failure) => [failure.name, failure]));
  return share.won.map((node) => {
    const state = stateOf(node);
    const told = state !== undefined && isOn(state.spec, target) ? state : undefined;
    const failure = failing.get(node.name) ?? (told && failureFrom(node, told, late));
    const { objectsWithProblems = 0 } = state?.status ?? {};
    const rest = { name: node.name, updated: told !== undefined, degraded: degradedOf(state), objectsWithProblems };
    if (failure !== undefined) return { ...rest, progress: 'failed', why: failure };
    return { ...rest, ...unfailed(node, state, told) };
  });
}

function unfailed(
  node: ClusterNode,
  state: ProxyNodeState | undefined,
  told: ProxyNodeState | undefined,
): Pick<NodeProgress, 'progress' | 'why'> {
  if (told !== undefined && healthOf(told) === 'ready') return { progress: 'ready', why: undefined };
  if (!node.ready) return { progress: 'ignored', why: undefined };
  const synced = conditionOf(state?.status?.conditions, 'Synced');
  if (state !== undefined && synced !== undefined && isCalledSilent(state)) {
    return { progress: 'silent', why: failedNode(node.name, synced) };
  }
  return { progress: 'pending', why: waiting(node.name, told) };
}

function waiting(name: string, told: ProxyNodeState | undefined): NamedNode {
  const because = (reason: (typeof pendingReasons)[number], message: string): NamedNode => {
    return { name, reason, message: shorten(message, maximumNodeMessage) };
  };
  if (told === undefined) return because('WaitingForTurn', 'has not been told this revision yet');
  const { revision } = told.spec;
  const synced = conditionOf(told.status?.conditions, 'Synced');
  if (synced === undefined)
    return because('NodeJoining', `was told revision ${revision}; its agent never reported yet`);
  if (synced.reason === 'Starting') return because('Starting', synced.message);
  return because('ApplyingRevision', `was told revision ${revision}, and its agent has not reported on it yet`);
}

function degradedOf(state: ProxyNodeState | undefined): Condition | undefined {
  const degraded = conditionOf(state?.status?.conditions, 'Degraded');
  return degraded?.status === 'True' ? degraded : undefined;
}

function failureFrom(
  node: ClusterNode,
  state: ProxyNodeState,
  late: (state: ProxyNodeState) => boolean,
): FailedNode | undefined {
  const health = healthOf(state);
  if (health === 'failed') return node.ready ? failureOf(state) : undefined;
  if (health === 'ready' || !node.ready || isCalledSilent(state) || !late(state)) return undefined;
  const message = 'its agent has not reported on what it was told; see its Pod';
  return failedNode(node.name, { reason: 'ProgressDeadlineExceeded', message });
}

/** The counts of a status. */
export function countNodes(nodes: readonly NodeProgress[]): Omit<NodeCounts, 'uncovered'> {
  const count = (progress: Progress): number => nodes.filter((node) => node.progress === progress).length;
  return {
    matching: nodes.length,
    updated: nodes.filter(({ updated }) => updated).length,
    ready: count('ready'),
    failed: count('failed'),
    pending: count('pending'),
    silent: count('silent'),
    ignored: count('ignored'),
  };
}
