import type { NodeConditionReason, ProxyNodeState } from '../../api/index.ts';
import { awaitsCleanup, cleanupGraceSeconds, isCleanedUp } from './cleanup.ts';

/** What becomes of the rules of a node, for its condition. */
export interface Fate {
  readonly reason: NodeConditionReason<'Uncovered'>;
  readonly message: string;
}

const advice = 'Mend the nodeSelector of a ProxyConfig, or create one';

/** What becomes of a node that no ProxyConfig governs. */
export function fateOf(state: ProxyNodeState): Fate {
  const { configRef, revision } = state.spec;
  const nobody = 'no valid ProxyConfig selects this node any more';
  const cleanup = `ProxyConfig ${configRef.name}, which it had, says onDelete: Cleanup`;
  if (isCleanedUp(state)) {
    return { reason: 'CleanedUp', message: `${nobody}; ${cleanup}, and its rules are removed. ${advice}` };
  }
  if (state.spec.cleanup !== undefined) {
    return { reason: 'CleaningUp', message: `${nobody}; ${cleanup}, and its agent is to remove its rules. ${advice}` };
  }
  if (awaitsCleanup(state)) {
    const when = `${cleanup}: after ${cleanupGraceSeconds} s its rules are removed, in its turn`;
    return { reason: 'CleanupPending', message: `${nobody}; ${when}. ${advice} to keep them` };
  }
  const keeps = `it goes on with revision ${revision} of ProxyConfig ${configRef.name}`;
  return { reason: 'NoGoverningConfig', message: `${nobody}; ${keeps}. ${advice}` };
}
