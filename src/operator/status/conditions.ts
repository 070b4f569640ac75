import type { Condition } from '../../api/index.ts';
import type { ConditionType, Reason } from './reasons.ts';

/** What is said about one type of condition. */
export interface Verdict<T extends ConditionType = ConditionType> {
  readonly type: T;
  readonly status: Condition['status'];
  readonly reason: Reason<T>;
  readonly message: string;
}

/** metav1.Condition allows 32 KiB; nobody reads more than this. */
const longestMessage = 1024;

/** A verdict with its type checked against the reasons that the type may have. */
export function verdict<T extends ConditionType>(
  type: T,
  status: Condition['status'],
  reason: Reason<T>,
  message: string,
): Verdict<T> {
  return { type, status, reason, message: shorten(message, longestMessage) };
}

/**
 * The conditions that say these verdicts, in their order. `lastTransitionTime` is that of the previous condition of
 * the type while the status is the same, else `now`.
 */
export function conditionsFrom(
  verdicts: readonly Verdict[],
  previous: readonly Condition[],
  generation: number,
  now: Date,
): Condition[] {
  return verdicts.map(({ type, status, reason, message }) => {
    const before = previous.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : rfc3339(now);
    return { type, status, observedGeneration: generation, lastTransitionTime, reason, message };
  });
}

export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Text of at most `length` characters; what is cut off ends in an ellipsis. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** metav1.Time: whole seconds, UTC. */
function rfc3339(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
