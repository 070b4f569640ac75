import { conditionOf } from '../../api/index.ts';
import type { Condition, FailedNode, NodeCounts, ProxyNodeState } from '../../api/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { failedNode, failureOf, healthOf } from './health.ts';
import { isOn } from './target.ts';
import type { ConfigPlan } from './plan.ts';

/**
 * How far a node is with what its config wants:
 * - `ready`: its agent has applied it and is in sync
 * - `failed`: its agent says that it cannot, or has not reported for too long
 * - `ignored`: not ready, and the Node is NotReady: nobody can say, and nobody waits for it
 * - `pending`: anything else; it has not been told yet, or its agent has not reported on it
 */
export type Progress = 'ready' | 'failed' | 'ignored' | 'pending';

/** One node as a ProxyConfig's status sees it. */
export interface NodeProgress {
  readonly name: string;
  readonly progress: Progress;
  /** It was told what the config wants. */
  readonly updated: boolean;
  readonly failure: FailedNode | undefined;
  /** Condition Degraded, while True. */
  readonly degraded: Condition | undefined;
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
    const progress = failure === undefined ? unfailed(node, told) : 'failed';
    return { name: node.name, progress, updated: told !== undefined, failure, degraded: degradedOf(state) };
  });
}

function unfailed(node: ClusterNode, told: ProxyNodeState | undefined): Progress {
  if (told !== undefined && healthOf(told) === 'ready') return 'ready';
  return node.ready ? 'pending' : 'ignored';
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
  if (health === 'ready' || !node.ready || !late(state)) return undefined;
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
    ignored: count('ignored'),
  };
}
