import type { Condition, NodeConditionReason, NodeConditionType } from '../../api/index.ts';

/** What a condition says: status, reason, message. */
export type Verdict<T extends NodeConditionType> = readonly [Condition['status'], NodeConditionReason<T>, string];
