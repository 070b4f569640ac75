import type { ErrorObject } from 'ajv';
import type { Json } from '../json.ts';
import type { FieldError } from '../status.ts';

/** `/spec/ports/0/name` as Kubernetes writes it: `spec.ports[0].name`. */
export function fieldPath(pointer: string): string {
  const steps = pointer.split('/').slice(1);
  return steps
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, step) => {
      if (/^\d+$/.test(step)) return `${path}[${step}]`;
      return path ? `${path}.${step}` : step;
    }, '');
}

function typeName(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

/** What the real server shows of a value: scalars as they are, composites by the name of their type. */
function shown(value: Json): Json {
  return typeof value === 'object' && value !== null ? typeName(value) : value;
}

type Explain = (field: string, value: Json, params: Record<string, unknown>) => FieldError;

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function inBody(sentence: (params: Record<string, unknown>) => string): Explain {
  return (field, value, params) => ({
    field,
    type: 'Invalid',
    value: shown(value),
    detail: `${field} in body ${sentence(params)}`,
  });
}

const required: Explain = (field, _value, params) => {
  const name = text(params['missingProperty']);
  return { field: field ? `${field}.${name}` : name, type: 'Required', detail: '' };
};

const type: Explain = (field, value, params) => {
  const allowed = Array.isArray(params['type']) ? params['type'].filter((one) => one !== 'null') : [params['type']];
  const wanted = allowed.map(text).join(',');
  const given = typeName(value);
  return {
    field,
    type: 'TypeInvalid',
    value: given,
    detail: `${field} in body must be of type ${wanted}: "${given}"`,
  };
};

const enumeration: Explain = (field, value, params) => {
  const allowed = Array.isArray(params['allowedValues']) ? params['allowedValues'] : [];
  const listed = allowed.map((one) => (typeof one === 'string' ? `"${one}"` : text(one))).join(', ');
  return { field, type: 'NotSupported', value, detail: `supported values: ${listed}` };
};

const tooMany: Explain = (field, value, params) => ({
  field,
  type: 'TooMany',
  value: Array.isArray(value) ? value.length : Object.keys((value ?? {}) as object).length,
  detail: `must have at most ${text(params['limit'])} items`,
});

const explanations: Record<string, Explain> = {
  required,
  type,
  enum: enumeration,
  minimum: inBody((p) => `should be greater than or equal to ${text(p['limit'])}`),
  maximum: inBody((p) => `should be less than or equal to ${text(p['limit'])}`),
  exclusiveMinimum: inBody((p) => `should be greater than ${text(p['limit'])}`),
  exclusiveMaximum: inBody((p) => `should be less than ${text(p['limit'])}`),
  multipleOf: inBody((p) => `should be a multiple of ${text(p['multipleOf'])}`),
  pattern: inBody((p) => `should match '${text(p['pattern'])}'`),
  minLength: inBody((p) => `should be at least ${text(p['limit'])} chars long`),
  maxLength: (field, value, p) => ({
    field,
    type: 'TooLong',
    value,
    detail: `may not be more than ${text(p['limit'])} bytes`,
  }),
  minItems: (field, value, p) => ({
    field,
    type: 'Invalid',
    value: Array.isArray(value) ? value.length : 0,
    detail: `${field} in body should have at least ${text(p['limit'])} items`,
  }),
  maxItems: tooMany,
  minProperties: inBody((p) => `should have at least ${text(p['limit'])} properties`),
  maxProperties: tooMany,
  uniqueItems: inBody(() => `shouldn't contain duplicates`),
  format: (field, value, p) => ({
    field,
    type: 'Invalid',
    value: shown(value),
    detail: `${field} in body must be of type ${text(p['format'])}: ${JSON.stringify(value)}`,
  }),
  not: inBody(() => `must not validate the schema (not)`),
  anyOf: inBody(() => `must validate at least one schema (anyOf)`),
  oneOf: inBody(() => `must validate one and only one schema (oneOf)`),
};

/** An ajv error in the words of the real API server. */
export function explain(error: ErrorObject): FieldError {
  const field = fieldPath(error.instancePath);
  const value = error.data as Json;
  const known = explanations[error.keyword];
  if (known) return known(field, value, error.params);
  return { field, type: 'Invalid', value: shown(value), detail: error.message ?? error.keyword };
}
