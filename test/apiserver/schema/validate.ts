import type { ValidateFunction } from 'ajv';
import type { Json, JsonObject, KubeObject } from '../json.ts';
import { isObject } from '../json.ts';
import type { FieldError } from '../status.ts';
import { hasRules, validateRules } from './cel.ts';
import { explain } from './errors.ts';
import { newValidator } from './formats.ts';
import { itemSchema, listMapKeys, propertySchema } from './structural.ts';
import { toJsonSchema } from './translate.ts';

const ajv = newValidator();
const compiled = new WeakMap<JsonObject, ValidateFunction>();

/** The compiled form of a schema; throws an Error when the schema itself is malformed. */
export function compile(schema: JsonObject): ValidateFunction {
  let validator = compiled.get(schema);
  if (!validator) {
    const plain = toJsonSchema(schema);
    const properties = isObject(plain['properties']) ? plain['properties'] : {};
    // The metadata of every object is checked by rules of its own.
    validator = ajv.compile({ ...plain, properties: { ...properties, metadata: { type: 'object' } } });
    compiled.set(schema, validator);
  }
  return validator;
}

/** Errors of a combining keyword repeat those of its branches; the branches are noise. */
function isNoise(schemaPath: string): boolean {
  return /\/(anyOf|oneOf|not)\/.+/.test(schemaPath);
}

function duplicates(value: Json, schema: JsonObject, path: string): FieldError[] {
  if (Array.isArray(value)) return listDuplicates(value, schema, path);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const property = propertySchema(schema, name);
    return property ? duplicates(inner, property, path ? `${path}.${name}` : name) : [];
  });
}

function listDuplicates(list: Json[], schema: JsonObject, path: string): FieldError[] {
  const keys = listMapKeys(schema);
  const isSet = schema['x-kubernetes-list-type'] === 'set';
  const seen = new Set<string>();
  return list.flatMap((item, index) => {
    const inner = duplicates(item, itemSchema(schema), `${path}[${index}]`);
    if (!keys && !isSet) return inner;
    const identity = keys && isObject(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item;
    const text = JSON.stringify(identity);
    const again = seen.has(text);
    seen.add(text);
    return again ? [...inner, { field: `${path}[${index}]`, type: 'Duplicate', value: identity, detail: '' }] : inner;
  });
}

/** Errors of these kinds make an object too ill-formed for CEL rules. */
const blocking = new Set<FieldError['type']>(['NotSupported', 'Required', 'TooLong', 'TooMany', 'TypeInvalid']);

const unchecked: FieldError = {
  field: '<nil>',
  type: 'Invalid',
  value: null,
  detail:
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

/**
 * Validates a custom object: the OpenAPI schema, uniqueness in lists that are sets or maps, then CEL rules. Rules do not
 * run on ill-formed objects; the errors say so, as in the real server.
 * @param old the object before an update, for transition rules
 */
export function validateCustom(object: KubeObject, schema: JsonObject, old: KubeObject | undefined): FieldError[] {
  const validator = compile(schema);
  const errors = validator(object)
    ? []
    : (validator.errors ?? []).filter((error) => !isNoise(error.schemaPath)).map(explain);
  errors.push(...duplicates(object, schema, ''));
  if (!hasRules(schema)) return errors;
  if (errors.some((error) => blocking.has(error.type))) return [...errors, unchecked];
  return [...errors, ...validateRules(object, schema, old)];
}
