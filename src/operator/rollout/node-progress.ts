import { conditionOf } from '../../api/index.ts';
import type { Condition, NodeCounts, ProxyNodeState } from '../../api/index.ts';
import type { ClusterNode } from '../cluster/index.ts';

/**
 * How far a node is with the revision that it was given:
 * - `ready`: its agent has applied it and is in sync
 * - `failed`: its agent says that it cannot
 * - `ignored`: not ready, and the Node is NotReady: nobody can say, and nobody waits for it
 * - `pending`: anything else; it has not been told yet, or its agent has not reported on it
 */
export type Progress = 'ready' | 'failed' | 'ignored' | 'pending';

/** One node as a ProxyConfig's status sees it. */
export interface NodeProgress {
  readonly name: string;
  readonly progress: Progress;
  /** It was told the revision. */
  readonly updated: boolean;
  /** What its agent says about syncing, if it speaks of what the node was told last. */
  readonly synced: Condition | undefined;
  /** Condition Degraded, while True. */
  readonly degraded: Condition | undefined;
}

/** How far one node is with `revision` of the config named `config`. */
export function nodeProgress(
  node: ClusterNode,
  state: ProxyNodeState | undefined,
  config: string,
  revision: string | undefined,
): NodeProgress {
  const updated = state !== undefined && state.spec.configRef.name === config && state.spec.revision === revision;
  const { appliedRevision, conditions } = state?.status ?? {};
  const synced = updated ? conditionOf(conditions, 'Synced') : undefined;
  const degraded = conditionOf(conditions, 'Degraded');
  const applied = updated && appliedRevision === revision;
  return {
    name: node.name,
    progress: progressOf(node, applied, isAbout(synced, state) ? synced : undefined),
    updated,
    synced,
    degraded: degraded?.status === 'True' ? degraded : undefined,
  };
}

function progressOf(node: ClusterNode, applied: boolean, synced: Condition | undefined): Progress {
  if (applied && synced?.status === 'True') return 'ready';
  if (!node.ready) return 'ignored';
  return synced?.status === 'False' ? 'failed' : 'pending';
}

/** False while the condition still speaks of an earlier spec of the node. */
function isAbout(condition: Condition | undefined, state: ProxyNodeState | undefined): boolean {
  const { observedGeneration } = condition ?? {};
  if (condition?.status === 'True' || observedGeneration === undefined) return true;
  return observedGeneration >= (state?.metadata.generation ?? 0);
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
