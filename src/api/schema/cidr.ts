import { ValidateBy } from 'class-validator';
import type { ValidationArguments, ValidationOptions } from 'class-validator';
import { cidrFault, parseCidr } from '../../ip/index.ts';
import type { Rule } from './field.ts';

const octet = '0*(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})';
const dotted = `(${octet}[.]){3}${octet}`;
const group = '[0-9a-fA-F]{1,4}';

/** `count` groups, `::`, at most `most` groups; `last` is what the last of those looks like. */
const abbreviated = (count: number, right: string): string => `${count === 0 ? ':' : `(${group}:){${count}}`}:${right}`;
const upTo = (most: number): string => (most === 0 ? '' : `(${group}(:${group}){0,${most - 1}})?`);

const ipv6 = [
  `(${group}:){7}${group}`,
  ...Array.from({ length: 8 }, (_, left) => abbreviated(left, upTo(7 - left))),
].join('|');
const beforeDotted = [
  `(${group}:){6}`,
  ...Array.from({ length: 6 }, (_, left) => abbreviated(left, `(${group}:){0,${5 - left}}`)),
].join('|');

/** Just what `parseCidr` takes, but for IPv4-mapped networks: RE2 and JavaScript, without a sign that CEL would escape. */
const cidr =
  `^(${dotted}/(3[0-2]|[12]?[0-9])|` + `(${ipv6}|(${beforeDotted})${dotted})/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$`;

/** An IPv4-mapped address, of those that `cidr` takes: five groups of zeros and one of ones in front. */
const mapped = `^((0{1,4}:){5}[fF]{4}:|[0:]*::(0{1,4}:)*[fF]{4}:(${group}:${group}|[0-9]+[.][0-9.]+)/)`;

const example = 'a CIDR such as 10.244.0.0/16 or fd00:10:244::/56';

/** class-validator: the text is a CIDR such as 10.244.0.0/16, or `keyword`. The CRD has `cidrRule` for it. */
export function IsCidr(options: ValidationOptions & { keyword?: string } = {}): PropertyDecorator {
  const { keyword } = options;
  const valid = (value: unknown): boolean =>
    typeof value === 'string' && (value === keyword || parseCidr(value) !== undefined);
  return ValidateBy({ name: 'isCidr', validator: { validate: valid, defaultMessage: explain } }, options);

  function explain(args?: ValidationArguments): string {
    const values: unknown[] = Array.isArray(args?.value) ? args.value : [args?.value];
    const bad = values.find((value) => !valid(value));
    const why = typeof bad === 'string' ? `: ${JSON.stringify(bad)} ${cidrFault(bad) ?? ''}` : '';
    return `must be ${keyword === undefined ? '' : `${keyword} or `}${example}${why}`;
  }
}

/** The same as a rule on a list of them: CEL, because the message of a pattern is the pattern. */
export function cidrRule<Field extends string>(field: Field, keyword?: string): Rule<Partial<Record<Field, string[]>>> {
  const exception = keyword === undefined ? '' : `c == '${keyword}' || `;
  return {
    rule: `!has(self.${field}) || self.${field}.all(c, ${exception}c.matches('${cidr}') && !c.matches('${mapped}'))`,
    message:
      `every entry must be ${keyword === undefined ? '' : `${keyword} or `}${example}: "::" at most once, no zone, no ` +
      'leading zero in the prefix length, and an IPv4-mapped network is written as IPv4',
    fieldPath: `.${field}`,
    holds: (self) => (self[field] ?? []).every((value) => value === keyword || parseCidr(value) !== undefined),
  };
}
