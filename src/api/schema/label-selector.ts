import { ArrayMaxSize, IsIn, IsObject, IsOptional, IsString, Matches, MaxLength, ValidateBy } from 'class-validator';
import { Field, Nested, Rules } from './field.ts';
import { labelKeyLength, labelKeyPattern, labelValueLength, labelValuePattern } from './patterns.ts';
import { selectorOperators } from '../types.ts';
import type { LabelSelector, LabelSelectorRequirement } from '../types.ts';

const maximumLabels = 32;

function isLabelMap(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const labels = Object.entries(value as Record<string, unknown>);
  return labels.length <= maximumLabels && labels.every(isLabel);
}

function isLabel([key, value]: [string, unknown]): boolean {
  if (key.length > labelKeyLength || !labelKeyPattern.test(key) || typeof value !== 'string') return false;
  return value.length <= labelValueLength && labelValuePattern.test(value);
}

/** class-validator: keys and values are labels as Kubernetes allows them. */
function IsLabelMap(): PropertyDecorator {
  return ValidateBy({
    name: 'isLabelMap',
    validator: {
      validate: isLabelMap,
      defaultMessage: () => `must be labels and their values (both text), at most ${maximumLabels}`,
    },
  });
}

@Rules<LabelSelectorRequirementDto>({
  rule: "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",
  message: 'operators In and NotIn need values; Exists and DoesNotExist take none',
  fieldPath: '.values',
  holds: ({ operator, values = [] }) => ['In', 'NotIn'].includes(operator) === values.length > 0,
})
export class LabelSelectorRequirementDto implements LabelSelectorRequirement {
  @Field({ description: 'Label that the requirement is about.' })
  @IsString()
  @MaxLength(labelKeyLength)
  @Matches(labelKeyPattern, { message: 'must be a label key' })
  key!: string;

  @Field({ description: 'How the values are compared with the label.' })
  @IsIn(selectorOperators)
  @IsString()
  operator!: LabelSelectorRequirement['operator'];

  @Field({ description: 'For In and NotIn: the values, at least one.', atomic: true })
  @IsOptional()
  @ArrayMaxSize(64)
  @IsString({ each: true })
  @MaxLength(labelValueLength, { each: true })
  @Matches(labelValuePattern, { each: true, message: 'must be label values' })
  values?: string[];
}

/** metav1.LabelSelector: all of matchLabels and matchExpressions must hold; empty selects everything. */
export class LabelSelectorDto implements LabelSelector {
  @Field({
    description: 'Labels that an object must have.',
    stringMap: { maxProperties: maximumLabels, maxLength: labelValueLength, pattern: labelValuePattern },
  })
  @IsOptional()
  @IsObject()
  @IsLabelMap()
  matchLabels?: Record<string, string>;

  @Field({ description: 'Requirements that an object must meet, all of them.', atomic: true })
  @IsOptional()
  @ArrayMaxSize(32)
  @Nested(() => LabelSelectorRequirementDto, { each: true })
  matchExpressions?: LabelSelectorRequirementDto[];
}
