import type { FailedNode, NodeAssignment, RolloutStatus } from '../../api/index.ts';
import type { Tell } from './tell.ts';

/** What one step of a rollout decides. It must be written down before anybody is told. */
export interface Decision {
  /** Undefined for a config that has always been invalid. */
  readonly rollout: RolloutStatus | undefined;
  /** What was rolled out last to its end. */
  readonly settled: NodeAssignment | undefined;
  readonly tell: Tell;
  /** Nodes on which the target has been tried and fails. */
  readonly failures: readonly FailedNode[];
}
