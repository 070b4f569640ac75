import { IsIn, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { taintEffects, tolerationOperators } from '../agent-settings.ts';
import type { TaintEffect, Toleration, TolerationOperator } from '../agent-settings.ts';
import { Field, Rules } from './field.ts';
import { objectNameLength, labelKeyLength, labelKeyPattern, labelValueLength, labelValuePattern } from './patterns.ts';

/** core/v1 Toleration, with the rules that API servers have for those of Pods. */
@Rules<TolerationDto>(
  {
    rule: "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
    message: 'without a key the operator has to be Exists: it tolerates every taint',
    fieldPath: '.operator',
    holds: ({ key, operator }) => key !== undefined || operator === 'Exists',
  },
  {
    rule: "!(has(self.operator) && self.operator == 'Exists') || !has(self.value) || self.value == ''",
    message: 'operator Exists takes no value',
    fieldPath: '.value',
    holds: ({ operator, value = '' }) => operator !== 'Exists' || value === '',
  },
  {
    rule: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
    message: 'means something with effect NoExecute only',
    fieldPath: '.tolerationSeconds',
    holds: ({ tolerationSeconds, effect }) => tolerationSeconds === undefined || effect === 'NoExecute',
  },
  {
    rule: `!has(self.key) || self.key.indexOf('/') <= ${objectNameLength}`,
    message: `may have ${objectNameLength} characters before the slash`,
    fieldPath: '.key',
    holds: ({ key = '' }) => key.indexOf('/') <= objectNameLength,
  },
)
export class TolerationDto implements Toleration {
  @Field({ description: 'Key of the taint; with operator Exists it may be left out, for all taints.' })
  @IsOptional()
  @IsString()
  @MaxLength(labelKeyLength)
  @Matches(labelKeyPattern, { message: 'must be a label key' })
  key?: string;

  @Field({ description: 'Exists: whatever the value of the taint; Equal, the default: only with this value.' })
  @IsOptional()
  @IsIn(tolerationOperators)
  @IsString()
  operator?: TolerationOperator;

  @Field({ description: 'For Equal: the value of the taint.' })
  @IsOptional()
  @IsString()
  @MaxLength(labelValueLength)
  @Matches(labelValuePattern, { message: 'must be a label value' })
  value?: string;

  @Field({ description: 'Effect of the taint; left out: all of them.' })
  @IsOptional()
  @IsIn(taintEffects)
  @IsString()
  effect?: TaintEffect;

  @Field({ description: 'For NoExecute: how long the agent stays; left out: for ever.' })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(31536000)
  tolerationSeconds?: number;
}
