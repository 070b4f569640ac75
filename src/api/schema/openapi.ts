import { getMetadataStorage } from 'class-validator';
import { fieldNames, fieldOf, nestedOf, rulesOf } from './field.ts';
import type { FieldOptions } from './field.ts';

/** An OpenAPI v3 schema as CRDs have it (structural). */
export type Schema = Record<string, unknown>;

type AnyClass = abstract new () => object;

/** One decorator of class-validator on a property. */
interface Constraint {
  name: string;
  values: readonly unknown[];
  /** It is about the items of a list. */
  each: boolean;
}

/**
 * The schema of a DTO class: class-validator's decorators give types and bounds, `@Field` and `@Nested` the rest,
 * `@Rules` the CEL rules. A decorator that it cannot translate is an error: the CRD must not promise less than the
 * code checks without anybody noticing.
 */
export function schemaOf(dto: AnyClass, description?: string): Schema {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const name of fieldNames(dto)) {
    const constraints = constraintsOf(dto, name);
    properties[name] = propertySchema(dto, name, constraints);
    if (!constraints.some((constraint) => constraint.name === 'isOptional')) required.push(name);
  }
  const rules = allRules(dto).map(({ rule, message, fieldPath }) => ({
    rule,
    message,
    ...(fieldPath && { fieldPath }),
  }));
  return {
    ...(description && { description }),
    type: 'object',
    ...(required.length > 0 && { required }),
    properties,
    ...(rules.length > 0 && { 'x-kubernetes-validations': rules }),
  };
}

/** Rules of a class and of its base classes. */
export function allRules(dto: object): ReturnType<typeof rulesOf> {
  const parent: unknown = Object.getPrototypeOf(dto);
  return [...(typeof parent === 'function' ? allRules(parent) : []), ...rulesOf(dto)];
}

function constraintsOf(dto: AnyClass, property: string): Constraint[] {
  return getMetadataStorage()
    .getTargetValidationMetadatas(dto, '', false, false)
    .filter((metadata) => metadata.propertyName === property)
    .map((metadata) => ({
      name: metadata.name ?? metadata.type,
      values: (metadata.constraints as readonly unknown[] | undefined) ?? [],
      // Undefined where a decorator has options but not this one, whatever the declared type says.
      each: (metadata.each as boolean | undefined) ?? false,
    }));
}

function propertySchema(dto: AnyClass, name: string, constraints: Constraint[]): Schema {
  const where = `${dto.name}.${name}`;
  const field = fieldOf(dto, name);
  if (field === undefined) throw new Error(`${where} has no @Field`);
  const reference = nestedOf(dto, name);
  const own = mergeKeywords(where, reference ? constraints.filter(({ each }) => !each) : constraints, false);
  const items = reference?.each ? schemaOf(reference.type()) : mergeKeywords(where, constraints, true);
  const list = Object.keys(items).length > 0;
  return {
    description: field.description,
    ...(reference && !reference.each ? schemaOf(reference.type()) : {}),
    ...own,
    ...(list && { type: 'array', items }),
    ...fieldKeywords(field, list),
  };
}

function mergeKeywords(where: string, constraints: Constraint[], each: boolean): Schema {
  const keywords = constraints
    .filter((constraint) => constraint.each === each)
    .map((constraint) => {
      const translate = translations[constraint.name];
      if (translate === undefined) throw new Error(`${where}: no OpenAPI for @${constraint.name}`);
      return translate(constraint.values);
    });
  const { type, ...bounds } = Object.assign({}, ...keywords) as Schema;
  return type === undefined ? bounds : { type, ...bounds };
}

function fieldKeywords(field: FieldOptions, list: boolean): Schema {
  return {
    ...(field.format && { format: field.format }),
    ...(field.default !== undefined && { default: field.default }),
    ...(field.stringMap && {
      additionalProperties: {
        type: 'string',
        maxLength: field.stringMap.maxLength,
        pattern: patternText(field.stringMap.pattern),
      },
      maxProperties: field.stringMap.maxProperties,
    }),
    ...(field.listMapKeys && { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': field.listMapKeys }),
    ...(field.atomic && { [list ? 'x-kubernetes-list-type' : 'x-kubernetes-map-type']: 'atomic' }),
  };
}

/** The pattern without JavaScript's escapes of slashes, which Go's RE2 reads as well but people do not like to. */
function patternText(pattern: RegExp): string {
  return pattern.source.replaceAll('\\/', '/');
}

const translations: Record<string, (values: readonly unknown[]) => Schema> = {
  isOptional: () => ({}),
  nestedValidation: () => ({}),
  isArray: () => ({ type: 'array' }),
  isObject: () => ({ type: 'object' }),
  isString: () => ({ type: 'string' }),
  isBoolean: () => ({ type: 'boolean' }),
  isInt: () => ({ type: 'integer' }),
  isIn: ([allowed]) => ({ enum: allowed }),
  min: ([minimum]) => ({ minimum }),
  max: ([maximum]) => ({ maximum }),
  maxLength: ([maximum]) => ({ maxLength: maximum }),
  matches: ([pattern]) => ({ pattern: patternText(pattern as RegExp) }),
  arrayMaxSize: ([maximum]) => ({ maxItems: maximum }),
  // Said by a rule (cidrRule): API servers' own format is laxer, and the message of a pattern is the pattern.
  isCidr: () => ({}),
  isIntOrString: () => ({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }),
  // The field's format says it.
  isTime: () => ({}),
  // The bounds are in the field's stringMap; what a label may contain is checked in code.
  isLabelMap: () => ({}),
};
