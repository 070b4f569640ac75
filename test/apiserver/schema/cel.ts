import { Environment } from '@marcbachmann/cel-js';
import { isIP } from 'node:net';
import type { Json, JsonObject } from '../json.ts';
import { isObject, listAt, stringAt } from '../json.ts';
import type { FieldError } from '../status.ts';
import { isCidr } from './formats.ts';
import { amountOf } from './quantity.ts';
import { itemSchema, listMapKeys, propertySchema } from './structural.ts';

/** A parsed CEL expression. */
type Program = (context: Record<string, unknown>) => unknown;

const environment = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true })
  .registerVariable('self', 'dyn')
  .registerVariable('oldSelf', 'dyn')
  .registerFunction('isIP(string): bool', (text: string) => isIP(text) !== 0)
  .registerFunction('isCIDR(string): bool', isCidr)
  .registerFunction('isQuantity(string): bool', (text: string) => !Number.isNaN(amountOf(text)))
  .registerFunction('quantity(string): double', amountOf)
  .registerFunction('double.isGreaterThan(double): bool', (a: number, b: number) => a > b)
  .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
    text.replaceAll(from, to),
  )
  .registerFunction('string.find(string): string', (text: string, pattern: string) => {
    return new RegExp(pattern).exec(text)?.[0] ?? '';
  });

const programs = new Map<string, Program>();

function program(expression: string): Program {
  let parsed = programs.get(expression);
  if (!parsed) {
    parsed = environment.parse(expression) as Program;
    programs.set(expression, parsed);
  }
  return parsed;
}

/**
 * JSON as CEL sees it: integers as BigInt (a JavaScript number would be a double), date-times as timestamps. Where the
 * schema says nothing, whole numbers are integers.
 */
function toCel(value: Json, schema: JsonObject): unknown {
  if (typeof value === 'number') return schema['type'] !== 'number' && Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string') return schema['format'] === 'date-time' ? new Date(value) : value;
  if (Array.isArray(value)) return value.map((item) => toCel(item, itemSchema(schema)));
  if (!isObject(value)) return value;
  const members = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(members.map(([name, inner]) => [name, toCel(inner, propertySchema(schema, name) ?? {})]));
}

interface Rule {
  rule: string;
  message: string | undefined;
  messageExpression: string | undefined;
  reason: string | undefined;
  fieldPath: string | undefined;
  /** A transition rule: it speaks of oldSelf and so runs on updates only. */
  transition: boolean;
}

function rulesOf(schema: JsonObject): Rule[] {
  return listAt(schema, 'x-kubernetes-validations').map((raw) => {
    const rule = stringAt(raw, 'rule') ?? '';
    const optionalOldSelf = isObject(raw) && raw['optionalOldSelf'] === true;
    return {
      rule,
      message: stringAt(raw, 'message'),
      messageExpression: stringAt(raw, 'messageExpression'),
      reason: stringAt(raw, 'reason'),
      fieldPath: stringAt(raw, 'fieldPath'),
      transition: /\boldSelf\b/.test(rule) && !optionalOldSelf,
    };
  });
}

const reasons: Partial<Record<string, FieldError['type']>> = {
  FieldValueForbidden: 'Forbidden',
  FieldValueRequired: 'Required',
  FieldValueDuplicate: 'Duplicate',
};

function failure(rule: Rule, path: string, value: Json, detail: string): FieldError {
  const field = path + (rule.fieldPath ?? '') || '<nil>';
  const type = reasons[rule.reason ?? ''] ?? 'Invalid';
  // Maps and lists are not printed into messages.
  return typeof value === 'object' ? { field, type, detail } : { field, type, value, detail };
}

/** What a rule that is not kept says. */
function messageOf(rule: Rule, context: Record<string, unknown>): string {
  const spoken = rule.messageExpression === undefined ? undefined : evaluateMessage(rule.messageExpression, context);
  return spoken ?? rule.message ?? `failed rule: ${rule.rule}`;
}

function evaluateMessage(expression: string, context: Record<string, unknown>): string | undefined {
  try {
    const result = program(expression)(context);
    return typeof result === 'string' && result.trim() !== '' ? result : undefined;
  } catch {
    // As in the real server: a message that cannot be computed gives way to the fixed one.
    return undefined;
  }
}

function check(rule: Rule, path: string, value: Json, context: Record<string, unknown>): FieldError[] {
  try {
    return program(rule.rule)(context) === true ? [] : [failure(rule, path, value, messageOf(rule, context))];
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return [failure(rule, path, value, `rule evaluation error: ${reason}: evaluating rule: ${rule.rule}`)];
  }
}

/** Whether a schema has any CEL rule. */
export function hasRules(schema: JsonObject): boolean {
  return JSON.stringify(schema).includes('"x-kubernetes-validations"');
}

/** The item of an old list that a new item corresponds to: by its keys in a list of type map, else none. */
function oldItem(item: Json, schema: JsonObject, old: Json): Json {
  const keys = listMapKeys(schema);
  if (!keys || !isObject(item) || !Array.isArray(old)) return undefined;
  return old.find((one) => isObject(one) && keys.every((key) => one[key] === item[key]));
}

/** Evaluates every x-kubernetes-validations rule of a schema on a value and what is inside it. */
export function validateRules(value: Json, schema: JsonObject, old: Json, path = ''): FieldError[] {
  if (value === undefined || value === null) return [];
  const rules = rulesOf(schema).filter((rule) => !rule.transition || old !== undefined);
  const context =
    rules.length === 0 ? {} : { self: toCel(value, schema), oldSelf: old === undefined ? null : toCel(old, schema) };
  const own = rules.flatMap((rule) => check(rule, path, value, context));
  return [...own, ...innerRules(value, schema, old, path)];
}

function innerRules(value: Json, schema: JsonObject, old: Json, path: string): FieldError[] {
  if (Array.isArray(value)) {
    const items = itemSchema(schema);
    return value.flatMap((item, index) => validateRules(item, items, oldItem(item, schema, old), `${path}[${index}]`));
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const property = propertySchema(schema, name);
    if (!property) return [];
    return validateRules(inner, property, isObject(old) ? old[name] : undefined, path ? `${path}.${name}` : name);
  });
}

/** The rules of a schema that do not even parse: path inside the schema, expression, reason. */
export function brokenRules(schema: JsonObject, path: string): { path: string; rule: string; reason: string }[] {
  const own = rulesOf(schema).flatMap((rule, index) => {
    try {
      program(rule.rule);
      return [];
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return [{ path: `${path}.x-kubernetes-validations[${index}].rule`, rule: rule.rule, reason }];
    }
  });
  const properties = isObject(schema['properties']) ? Object.entries(schema['properties']) : [];
  const inner = properties.flatMap(([name, one]) =>
    isObject(one) ? brokenRules(one, `${path}.properties[${name}]`) : [],
  );
  const rest = ['items', 'additionalProperties'].flatMap((key) => {
    const one = schema[key];
    return isObject(one) ? brokenRules(one, `${path}.${key}`) : [];
  });
  return [...own, ...inner, ...rest];
}
