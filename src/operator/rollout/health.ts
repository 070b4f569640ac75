import { conditionOf, maximumNodeMessage, shorten } from '../../api/index.ts';
import type { Condition, FailedNode, ProxyNodeState } from '../../api/index.ts';

/**
 * What a node's agent says about what the node was told last: `ready` (applied and in sync), `failed` (it says that it
 * cannot), `pending` (it has not reported yet, or only about what it was told before).
 */
export type Health = 'ready' | 'failed' | 'pending';

/** The health of a node with what it was told last. */
export function healthOf({ metadata, spec, status }: ProxyNodeState): Health {
  const synced = conditionOf(status?.conditions, 'Synced');
  if (status?.appliedRevision === spec.revision && synced?.status === 'True') return 'ready';
  return synced?.status === 'False' && isCurrent(synced, metadata.generation) ? 'failed' : 'pending';
}

/**
 * Why a node fails with what it was told last, in its agent's words: it cannot sync, or the kernel refuses Service
 * ports. Undefined if it does not say so.
 */
export function failureOf(state: ProxyNodeState): FailedNode | undefined {
  const { metadata, status } = state;
  const synced = conditionOf(status?.conditions, 'Synced');
  if (synced !== undefined && healthOf(state) === 'failed') return failedNode(metadata.name, synced);
  const degraded = conditionOf(status?.conditions, 'Degraded');
  const refused = degraded?.status === 'True' && degraded.reason === 'ServicePortsRefused';
  return refused && isCurrent(degraded, metadata.generation) ? failedNode(metadata.name, degraded) : undefined;
}

/** A failed node as a status names it: shortened. */
export function failedNode(name: string, { reason, message }: Pick<Condition, 'reason' | 'message'>): FailedNode {
  return { name, reason, message: shorten(message, maximumNodeMessage) };
}

/** False while the condition still speaks of an earlier spec of the node. */
function isCurrent({ observedGeneration }: Condition, generation = 0): boolean {
  return observedGeneration === undefined || observedGeneration >= generation;
}
