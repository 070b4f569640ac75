import type { Condition } from './types.ts';

/** The condition of one type; undefined if nothing is said about it. */
export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * A condition as it is written: the time of its last transition is that of the condition of its type before, as long
 * as the status is the same, else `now`.
 *
 * @param before the conditions that the object has
 */
export function nextCondition(
  said: Omit<Condition, 'lastTransitionTime'>,
  before: readonly Condition[],
  now: Date,
): Condition {
  const last = conditionOf(before, said.type);
  return { ...said, lastTransitionTime: last?.status === said.status ? last.lastTransitionTime : rfc3339(now) };
}

/** metav1.Time: whole seconds, UTC. */
export function rfc3339(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
