import { IsIn, IsInt, IsOptional, IsString, Matches, MaxLength, Min } from 'class-validator';
import { Field } from './field.ts';
import { conditionTypePattern, reasonPattern } from './patterns.ts';
import type { Condition } from '../types.ts';

/** metav1.Condition. */
export class ConditionDto implements Condition {
  @Field({ description: 'What the condition says something about, in CamelCase.' })
  @IsString()
  @MaxLength(64)
  @Matches(conditionTypePattern)
  type!: string;

  @Field({ description: 'Whether it is so.' })
  @IsIn(['True', 'False', 'Unknown'])
  @IsString()
  status!: Condition['status'];

  @Field({ description: 'metadata.generation that the condition speaks of.', format: 'int64' })
  @IsOptional()
  @IsInt()
  @Min(0)
  observedGeneration?: number;

  @Field({ description: 'When status last changed.', format: 'date-time' })
  @IsString()
  lastTransitionTime!: string;

  @Field({ description: 'Why, as one CamelCase word from a documented list.' })
  @IsString()
  @MaxLength(128)
  @Matches(reasonPattern)
  reason!: string;

  @Field({ description: 'Why, for people.' })
  @IsString()
  @MaxLength(1024)
  message!: string;
}
