import { conditionOf } from '../../api/index.ts';
import type { ProxyConfigStatus, RolloutPhase } from '../../api/index.ts';

/** An Event to record about a ProxyConfig. */
export interface StatusEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason:
    | 'AgentsWouldGo'
    | 'CanaryPassed'
    | 'ConfigShadowed'
    | 'InvalidSpec'
    | 'UnknownFields'
    | 'KubeProxyLeftAlone'
    | 'KubeProxyParked'
    | 'KubeProxyParking'
    | 'KubeProxyRestored'
    | 'KubeProxyRestoring'
    | 'NodeSyncFailed'
    | 'NodesSilent'
    | 'NodesUncovered'
    | 'RolledBack'
    | 'RolloutComplete'
    | 'RolloutFailed'
    | 'RolloutStarted';
  readonly message: string;
}

/** What happened between two statuses of a ProxyConfig that is worth an Event: transitions, never states. */
export function statusEvents(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent[] {
  const events = [
    invalid(previous, next),
    shadowed(previous, next),
    wouldGo(previous, next),
    ...rollout(previous, next),
    failed(previous, next),
    silent(previous, next),
    uncovered(previous, next),
    complete(previous, next),
    kubeProxy(previous, next),
  ];
  return events.filter((event) => event !== undefined);
}

function rollout(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent[] {
  const revision = next.updateRevision ?? '';
  const why = conditionOf(next.conditions, 'Degraded')?.message ?? '';
  const [from, to] = [previous?.rollout?.phase, next.rollout?.phase];
  const [passed, stopped] = [hasPassed(from, to), isStopped(to) && !isStopped(from)];
  return [
    ...event(isStarted(previous, next), 'Normal', 'RolloutStarted', `rolling out revision ${revision}`),
    ...event(passed, 'Normal', 'CanaryPassed', `the canaries work with revision ${revision}`),
    ...event(stopped, 'Warning', 'RolloutFailed', why),
    ...event(to === 'RolledBack' && from !== to, 'Warning', 'RolledBack', why),
  ];
}

function isStarted(
  previous: ProxyConfigStatus | undefined,
  { rollout: now, updateRevision }: ProxyConfigStatus,
): boolean {
  if (now === undefined || now.phase === 'Complete') return false;
  const before = previous?.rollout?.phase;
  return before === undefined || before === 'Complete' || updateRevision !== previous?.updateRevision;
}

function hasPassed(from: RolloutPhase | undefined, to: RolloutPhase | undefined): boolean {
  return from === 'Soaking' && (to === 'Rolling' || to === 'Complete');
}

function isStopped(phase: RolloutPhase | undefined): boolean {
  return phase === 'RollingBack' || phase === 'RolledBack' || phase === 'Failed';
}

function event(
  happened: boolean,
  type: StatusEvent['type'],
  reason: StatusEvent['reason'],
  message: string,
): StatusEvent[] {
  return happened ? [{ type, reason, message }] : [];
}

/** Also a spec that is invalid, or has fields that are not known, in another way than before. */
function invalid(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  const accepted = conditionOf(next.conditions, 'Accepted');
  const before = conditionOf(previous?.conditions, 'Accepted');
  if (accepted === undefined || before?.message === accepted.message) return undefined;
  const { reason, message } = accepted;
  return reason === 'InvalidSpec' || reason === 'UnknownFields' ? { type: 'Warning', reason, message } : undefined;
}

function uncovered(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  const degraded = conditionOf(next.conditions, 'Degraded');
  if (degraded?.reason !== 'NodesUncovered') return undefined;
  if ((next.nodes?.uncovered ?? 0) <= (previous?.nodes?.uncovered ?? 0)) return undefined;
  return { type: 'Warning', reason: 'NodesUncovered', message: degraded.message };
}

function shadowed(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  const accepted = conditionOf(next.conditions, 'Accepted');
  const before = conditionOf(previous?.conditions, 'Accepted');
  if (accepted?.reason !== 'Shadowed' || before?.reason === 'Shadowed') return undefined;
  return { type: 'Warning', reason: 'ConfigShadowed', message: accepted.message };
}

function wouldGo(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  const stalled = conditionOf(next.conditions, 'Stalled');
  const before = conditionOf(previous?.conditions, 'Stalled');
  if (stalled?.reason !== 'AgentsWouldGo' || before?.reason === 'AgentsWouldGo') return undefined;
  return { type: 'Warning', reason: 'AgentsWouldGo', message: stalled.message };
}

function failed(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  if ((next.nodes?.failed ?? 0) <= (previous?.nodes?.failed ?? 0)) return undefined;
  const message = conditionOf(next.conditions, 'Degraded')?.message ?? 'nodes fail';
  return { type: 'Warning', reason: 'NodeSyncFailed', message };
}

/** Who falls silent while others are, too, is in the status. */
function silent(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  const [first] = next.silentNodes ?? [];
  if (first === undefined || silentCount(next) <= silentCount(previous)) return undefined;
  const message = `nothing is heard of the agents of ${silentCount(next)} nodes, for example ${first.name}: ${first.message}`;
  return { type: 'Warning', reason: 'NodesSilent', message };
}

function silentCount(status: ProxyConfigStatus | undefined): number {
  return status?.nodes?.silent ?? 0;
}

function complete(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  if (next.rollout?.phase !== 'Complete' || previous?.rollout?.phase === 'Complete') return undefined;
  const message = `revision ${next.currentRevision ?? ''} is on all nodes that could be asked`;
  return { type: 'Normal', reason: 'RolloutComplete', message };
}

/** Where kube-proxy is, by the stage that has just begun; the others are in the status. */
const kubeProxyEvents: Readonly<Record<string, Pick<StatusEvent, 'type' | 'reason'>>> = {
  Parking: { type: 'Normal', reason: 'KubeProxyParking' },
  AllNodesParked: { type: 'Normal', reason: 'KubeProxyParked' },
  Restoring: { type: 'Normal', reason: 'KubeProxyRestoring' },
  NotManaged: { type: 'Normal', reason: 'KubeProxyRestored' },
  ParkedNodeNotReady: { type: 'Warning', reason: 'KubeProxyLeftAlone' },
  OwnedByOthers: { type: 'Warning', reason: 'KubeProxyLeftAlone' },
};

function kubeProxy(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  const parked = conditionOf(next.conditions, 'KubeProxyParked');
  const before = conditionOf(previous?.conditions, 'KubeProxyParked');
  if (parked === undefined || before?.reason === parked.reason) return undefined;
  const found = kubeProxyEvents[parked.reason];
  return found && { ...found, message: parked.message };
}
