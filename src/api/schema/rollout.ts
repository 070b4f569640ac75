import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, Min, ValidateBy } from 'class-validator';
import { rolloutDefaults } from '../defaults.ts';
import { failurePolicies, rolloutPhases } from '../types.ts';
import type { FailurePolicy, RolloutPhase, RolloutSettings, RolloutStatus } from '../types.ts';
import { Field, Nested, Rules } from './field.ts';

/** A positive number of nodes, or 1% to 100% of them. */
const nodesOrPercent = /^([1-9][0-9]{0,5}|100%|[1-9][0-9]?%)$/;
const nodesOrPercentMessage =
  'must be a number of nodes from 1 on, or a percentage of them from 1% to 100%; to stop a rollout use paused';

const isNodesOrPercent = (value: unknown): boolean =>
  (typeof value === 'number' && Number.isInteger(value)) || typeof value === 'string';

/** class-validator: an integer or text, as Kubernetes' IntOrString; what the text may be is said by a rule. */
function IsIntOrString(): PropertyDecorator {
  const defaultMessage = (): string => nodesOrPercentMessage;
  return ValidateBy({ name: 'isIntOrString', validator: { validate: isNodesOrPercent, defaultMessage } });
}

class CanaryDto {
  @Field({
    description: 'How many nodes get a change before all others; 0: none does, and the others follow at once.',
    default: rolloutDefaults.canary.nodes,
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(1000)
  nodes?: number;

  @Field({
    description: 'How long all of them must have been ready before the others follow.',
    default: rolloutDefaults.canary.soakSeconds,
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(86400)
  soakSeconds?: number;
}

/** How a change gets to the nodes. */
@Rules<RolloutDto>({
  rule: `!has(self.maxUnavailable) || string(self.maxUnavailable).matches('${nodesOrPercent.source}')`,
  message: nodesOrPercentMessage,
  fieldPath: '.maxUnavailable',
  holds: ({ maxUnavailable = 1 }) => nodesOrPercent.test(String(maxUnavailable)),
})
export class RolloutDto implements RolloutSettings {
  @Field({ description: 'No further node gets a change while this is true.', default: rolloutDefaults.paused })
  @IsOptional()
  @IsBoolean()
  paused?: boolean;

  @Field({ description: 'The nodes that get a change first.', default: rolloutDefaults.canary })
  @IsOptional()
  @Nested(() => CanaryDto)
  canary?: CanaryDto;

  @Field({
    description:
      'How many nodes may be on their way at a time: told the new revision, and not reported ready. A number, or a ' +
      'percentage of the nodes that are Ready, rounded down, at least 1.',
    default: rolloutDefaults.maxUnavailable,
  })
  @IsOptional()
  @IsIntOrString()
  maxUnavailable?: number | string;

  @Field({
    description: 'How many failed nodes stop the rollout. A canary that fails always does.',
    default: rolloutDefaults.maxFailed,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100000)
  maxFailed?: number;

  @Field({
    description:
      'What happens to the nodes that have the new revision when the rollout is stopped by failures. Rollback: they ' +
      'get what they had before. Pause: they keep it.',
    default: rolloutDefaults.onFailure,
  })
  @IsOptional()
  @IsIn(failurePolicies)
  @IsString()
  onFailure?: FailurePolicy;

  @Field({
    description: 'When nothing has gone on for so long, nodes that have not reported ready count as failed.',
    default: rolloutDefaults.progressDeadlineSeconds,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(86400)
  progressDeadlineSeconds?: number;
}

/** Where a rollout is. */
export class RolloutStatusDto implements RolloutStatus {
  @Field({ description: 'Canary, Soaking, Rolling, Paused, RollingBack, RolledBack, Failed or Complete.' })
  @IsIn(rolloutPhases)
  @IsString()
  phase!: RolloutPhase;

  @Field({
    description: 'Since when nodes have been changed, over all edits since it was Complete.',
    format: 'date-time',
  })
  @IsString()
  startedAt!: string;

  @Field({ description: 'When the last node was told something, or the canaries passed.', format: 'date-time' })
  @IsString()
  lastProgressAt!: string;

  @Field({ description: 'Since when all canaries have been ready.', format: 'date-time' })
  @IsOptional()
  @IsString()
  canaryReadyAt?: string;

  @Field({ description: 'When the canaries had been ready for long enough.', format: 'date-time' })
  @IsOptional()
  @IsString()
  canaryPassedAt?: string;
}
