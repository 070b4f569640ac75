import type { Share } from '../rollout/index.ts';
import { verdict } from './conditions.ts';
import type { Verdict } from './conditions.ts';
import type { Facts } from './facts.ts';
import * as messages from './messages.ts';
import { patienceEnds } from './patience.ts';

/** Why not all is as the config wants it. */
type Outstanding =
  | 'CanaryInProgress'
  | 'RollingOut'
  | 'RolloutPaused'
  | 'WaitingForNodes'
  | 'NodesFailing'
  | 'NodesSilent'
  | 'NodeJoining';

/**
 * Undefined if all is, also while the config is invalid, matches nothing or was stopped by failures: that is said in its
 * own words. Outside of a rollout trouble comes before nodes that join: in a large cluster somebody always does.
 */
export function outstanding({ input: { plan }, counts, phase, stopped }: Facts): Outstanding | undefined {
  if (plan.checked.errors.length > 0 || stopped || counts.matching === 0) return undefined;
  if (phase === 'Paused') return 'RolloutPaused';
  if (counts.matching === counts.ignored) return 'WaitingForNodes';
  if (phase === 'Canary' || phase === 'Soaking') return 'CanaryInProgress';
  return phase === 'Rolling' ? 'RollingOut' : settledTrouble(counts);
}

function settledTrouble({ failed, silent, pending }: Facts['counts']): Outstanding | undefined {
  if (failed > 0) return 'NodesFailing';
  if (silent > 0) return 'NodesSilent';
  return pending > 0 ? 'NodeJoining' : undefined;
}

/** In words, for people. */
export function outstandingMessage(reason: Outstanding, facts: Facts): string {
  if (reason === 'NodesFailing') return messages.failingMessage(facts);
  return reason === 'NodesSilent' ? messages.silentMessage(facts) : messages.progressMessage(facts);
}

/**
 * Reconciling or Stalled, or neither: never both, and kstatus takes whoever is not Ready for InProgress, so that all that
 * lasts until a person acts must be Stalled.
 */
export function progression(facts: Facts): Verdict[] {
  const { phase, stopped } = facts;
  const hopeless = hopelessness(facts);
  if (hopeless !== undefined) return [hopeless];
  if (phase === 'RollingBack') return [verdict('Reconciling', 'True', 'RollingBack', messages.stoppedMessage(facts))];
  if (stopped) {
    const late = facts.named.failedNodes.every(
      ({ reason: why }) => why === 'ProgressDeadlineExceeded' || why === 'NodeNotReady',
    );
    return [
      verdict('Stalled', 'True', late ? 'ProgressDeadlineExceeded' : 'RolloutFailed', messages.stoppedMessage(facts)),
    ];
  }
  const reason = outstanding(facts);
  if (reason === undefined) return [];
  const message = outstandingMessage(reason, facts);
  if (reason === 'RolloutPaused')
    return [verdict('Stalled', 'True', reason, `${message}; spec.rollout.paused is true`)];
  if (isTooLate(reason, facts))
    return [verdict('Stalled', 'True', 'ProgressDeadlineExceeded', `${message}; this has lasted for too long`)];
  if (reason === 'NodesFailing' || reason === 'NodesSilent') return [];
  return [verdict('Reconciling', 'True', reason, message)];
}

/** What is wrong with the config as such, whatever its nodes do. */
function hopelessness(facts: Facts): Verdict<'Stalled'> | undefined {
  const { checked, share } = facts.input.plan;
  if (checked.errors.length > 0) return verdict('Stalled', 'True', 'InvalidSpec', messages.invalidMessage(checked));
  if (isShadowed(share)) return verdict('Stalled', 'True', 'Shadowed', messages.shadowedMessage(share));
  if (share.won.length === 0) return verdict('Stalled', 'True', 'NoMatchingNode', messages.noNodeMessage(share));
  if (facts.input.wouldLoseAgents.length === 0) return undefined;
  return verdict('Stalled', 'True', 'AgentsWouldGo', messages.wouldLoseMessage(facts));
}

/** Selects nodes that could run an agent, and loses every one of them. */
export function isShadowed({ selected, won, unsupported }: Share): boolean {
  return selected > unsupported.length && won.length === 0;
}

/** Those that join and those of a rollout have deadlines of their own, after which they count as failing. */
const withoutDeadline: readonly Outstanding[] = ['WaitingForNodes', 'NodesFailing', 'NodesSilent'];

function isTooLate(reason: Outstanding, { input: { plan, previous, now } }: Facts): boolean {
  if (!withoutDeadline.includes(reason)) return false;
  const ends = patienceEnds(plan, previous);
  return ends !== undefined && now.getTime() > ends;
}
