import { nextCondition, shorten } from '../../api/index.ts';
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

/** The conditions that say these verdicts, in their order; `previous` are those that the object has. */
export function conditionsFrom(
  verdicts: readonly Verdict[],
  previous: readonly Condition[],
  observedGeneration: number,
  now: Date,
): Condition[] {
  return verdicts.map((said) => nextCondition({ ...said, observedGeneration }, previous, now));
}
