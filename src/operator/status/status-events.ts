import { conditionOf } from '../../api/index.ts';
import type { ProxyConfigStatus } from '../../api/index.ts';

/** An Event to record about a ProxyConfig. */
export interface StatusEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: 'ConfigShadowed' | 'InvalidSpec' | 'NodeSyncFailed' | 'NodesUncovered' | 'RolloutComplete';
  readonly message: string;
}

/** What happened between two statuses of a ProxyConfig that is worth an Event: transitions, never states. */
export function statusEvents(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent[] {
  const events = [
    invalid(previous, next),
    shadowed(previous, next),
    failed(previous, next),
    uncovered(previous, next),
    complete(previous, next),
  ];
  return events.filter((event) => event !== undefined);
}

/** Also a spec that is invalid in another way than before. */
function invalid(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  const accepted = conditionOf(next.conditions, 'Accepted');
  const before = conditionOf(previous?.conditions, 'Accepted');
  if (accepted?.reason !== 'InvalidSpec' || before?.message === accepted.message) return undefined;
  return { type: 'Warning', reason: 'InvalidSpec', message: accepted.message };
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

function failed(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  if ((next.nodes?.failed ?? 0) <= (previous?.nodes?.failed ?? 0)) return undefined;
  const message = conditionOf(next.conditions, 'Degraded')?.message ?? 'nodes fail';
  return { type: 'Warning', reason: 'NodeSyncFailed', message };
}

function complete(previous: ProxyConfigStatus | undefined, next: ProxyConfigStatus): StatusEvent | undefined {
  if (next.currentRevision === undefined || next.currentRevision === previous?.currentRevision) return undefined;
  return { type: 'Normal', reason: 'RolloutComplete', message: `all nodes have revision ${next.currentRevision}` };
}
