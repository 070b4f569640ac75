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
  if (isAwaiting(status)) return 'pending';
  if (status?.appliedRevision === spec.revision && synced?.status === 'True') return 'ready';
  return synced?.status === 'False' && isCurrent(synced, metadata.generation) ? 'failed' : 'pending';
}

/** Reason of a node's condition Degraded. */
export const waitingForProxy = 'WaitingForProxy';

/** What the node's mode needs is only starting; if it never does, the rollout's deadline says so. */
function isAwaiting(status: ProxyNodeState['status']): boolean {
  const degraded = conditionOf(status?.conditions, 'Degraded');
  return degraded?.status === 'True' && degraded.reason === waitingForProxy;
}

/**
 * Why a node fails with what it was told last, in its agent's words: it cannot sync, the kernel refuses Service ports or has
 * not what the mode takes, or the agent cannot serve its own addresses. Undefined if it does not say so.
 */
export function failureOf(state: ProxyNodeState): FailedNode | undefined {
  const { metadata, status } = state;
  const synced = conditionOf(status?.conditions, 'Synced');
  if (synced !== undefined && healthOf(state) === 'failed') return failedNode(metadata.name, synced);
  const degraded = seriousDegradation(status);
  if (degraded === undefined || !isCurrent(degraded, metadata.generation)) return undefined;
  return degraded.reason === 'CannotListen' && !hasNewAgent(state) ? undefined : failedNode(metadata.name, degraded);
}

const seriousReasons: readonly string[] = ['ServicePortsRefused', 'CannotListen', 'ModeUnavailable'];

/** Condition Degraded, while it says something that a rollout must not spread. */
export function seriousDegradation(status: ProxyNodeState['status']): Condition | undefined {
  const degraded = conditionOf(status?.conditions, 'Degraded');
  const serious = degraded?.status === 'True' && seriousReasons.includes(degraded.reason);
  return serious ? degraded : undefined;
}

/** Where nothing was before, another service proxy may have the addresses until it goes. */
function hasNewAgent({ spec: { agentRevision, rollout } }: ProxyNodeState): boolean {
  const before = rollout?.previous?.agentRevision;
  return before !== undefined && before !== agentRevision;
}

/** A failed node as a status names it: shortened. */
export function failedNode(name: string, { reason, message }: Pick<Condition, 'reason' | 'message'>): FailedNode {
  return { name, reason, message: shorten(message, maximumNodeMessage) };
}

/** False while the condition still speaks of an earlier spec of the node. */
function isCurrent({ observedGeneration }: Condition, generation = 0): boolean {
  return observedGeneration === undefined || observedGeneration >= generation;
}
