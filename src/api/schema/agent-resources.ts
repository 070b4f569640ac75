import { IsOptional, ValidateBy } from 'class-validator';
import { agentDefaults, amountOf, quantityPattern } from '../agent-settings.ts';
import type { AgentResources, ResourceAmounts } from '../agent-settings.ts';
import { Field, Nested, Rules } from './field.ts';
import type { Rule } from './field.ts';

const names = ['cpu', 'memory'] as const;
const examples = { cpu: '100m, 0.5 or 2', memory: '150Mi or 1Gi' };

/** class-validator: an integer or text, as Kubernetes' quantities are; what the text may be is said by a rule. */
function IsIntOrString(): PropertyDecorator {
  const validate = (value: unknown): boolean =>
    (typeof value === 'number' && Number.isInteger(value)) || typeof value === 'string';
  const defaultMessage = (): string => 'must be a quantity: text such as "100m" or "150Mi", or a whole number';
  return ValidateBy({ name: 'isIntOrString', validator: { validate, defaultMessage } });
}

function isQuantity(name: (typeof names)[number]): Rule<ResourceAmounts> {
  return {
    rule: `!has(self.${name}) || string(self.${name}).matches('${quantityPattern.source}')`,
    message: `must be a quantity such as ${examples[name]}`,
    fieldPath: `.${name}`,
    holds: (self) => quantityPattern.test(String(self[name] ?? 0)),
  };
}

@Rules<ResourceAmountsDto>(...names.map(isQuantity))
class ResourceAmountsDto implements ResourceAmounts {
  @Field({ description: 'Processors, e.g. 100m for a tenth of one.' })
  @IsOptional()
  @IsIntOrString()
  cpu?: number | string;

  @Field({ description: 'Bytes, e.g. 150Mi.' })
  @IsOptional()
  @IsIntOrString()
  memory?: number | string;
}

/** Whether that list has an amount that can be compared; what is wrong with another is said where it stands. */
const given = (list: string, name: string): string =>
  `has(self.${list}) && has(self.${list}.${name}) && isQuantity(string(self.${list}.${name}))`;
const quantity = (list: string, name: string): string => `quantity(string(self.${list}.${name}))`;

/** API servers refuse a Pod that asks for more than it may have, and with it the whole DaemonSet. */
function withinLimit(name: (typeof names)[number]): Rule<AgentResources> {
  return {
    rule:
      `!(${given('requests', name)} && ${given('limits', name)}) || ` +
      `!${quantity('requests', name)}.isGreaterThan(${quantity('limits', name)})`,
    message: `requests.${name} must not be above limits.${name}`,
    fieldPath: '.requests',
    holds: ({ requests, limits }) =>
      requests?.[name] === undefined ||
      limits?.[name] === undefined ||
      !(amountOf(requests[name]) > amountOf(limits[name])),
  };
}

const { cpu, memory } = agentDefaults.resources.requests;

/** core/v1 ResourceRequirements of an agent. */
@Rules<AgentResourcesDto>(...names.map(withinLimit))
export class AgentResourcesDto implements AgentResources {
  @Field({ description: `What a node must have to spare for its agent; left out: cpu ${cpu}, memory ${memory}.` })
  @IsOptional()
  @Nested(() => ResourceAmountsDto)
  requests?: ResourceAmountsDto;

  @Field({
    description:
      'What it may use at most; left out: no limit. The elements in the kernel count: set no memory limit below ' +
      '150 MiB plus 4 KiB per Service.',
  })
  @IsOptional()
  @Nested(() => ResourceAmountsDto)
  limits?: ResourceAmountsDto;
}
