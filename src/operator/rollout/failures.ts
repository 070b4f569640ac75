import { conditionOf } from '../../api/index.ts';
import type { FailedNode } from '../../api/index.ts';
import { failedNode, waitingForProxy } from './health.ts';
import { isGood } from './members.ts';
import type { Member } from './members.ts';
import type { Situation } from './situation.ts';
import type { Work } from './work.ts';

/** Nodes on which the target fails: they say so, or have been silent for too long. */
export function failuresOf(situation: Situation, { trial }: Work): FailedNode[] {
  const { overdue, members } = situation;
  // With nobody on trial those that were told the target as new nodes are all there is to judge it by.
  const joined = overdue ? members.filter(({ onTarget, node }) => onTarget && node.ready) : [];
  return (trial.length > 0 ? trial : joined).flatMap((member) => failureOn(member, situation) ?? []);
}

/** What the node itself says it waits for. */
function awaitedOf({ state }: Member): string {
  const degraded = conditionOf(state?.status?.conditions, 'Degraded');
  return degraded?.reason === waitingForProxy ? ` (${degraded.reason}: ${degraded.message})` : '';
}

function failureOn(member: Member, { overdue, settings }: Situation): FailedNode | undefined {
  const { node, failure } = member;
  if (failure !== undefined || !overdue || isGood(member)) return failure;
  const late = `has not reported ready within ${settings.progressDeadlineSeconds} s after it was told${awaitedOf(member)}`;
  return node.ready
    ? failedNode(node.name, { reason: 'ProgressDeadlineExceeded', message: late })
    : failedNode(node.name, { reason: 'NodeNotReady', message: `is NotReady, and ${late}` });
}
