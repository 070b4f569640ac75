import { parse } from 'yaml';
import { crdFiles } from '../../../src/api/schema/index.ts';

/** A structural schema, as far as our CRDs use it. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly 'x-kubernetes-int-or-string'?: boolean;
}

interface Crd {
  readonly spec: { readonly versions: readonly [{ readonly schema: { readonly openAPIV3Schema: Schema } }] };
}

/** Schemas of what our CRDs hold: `proxyconfigs.status`. */
export function crdSchema(plural: string, part: 'spec' | 'status'): Schema {
  const { text = '' } = crdFiles().find(({ name }) => name.includes(plural)) ?? {};
  const found = (parse(text) as Crd).spec.versions[0].schema.openAPIV3Schema.properties?.[part];
  if (found === undefined) throw new Error(`no schema of ${plural}.${part}`);
  return found;
}

/**
 * What an API server would refuse or leave out of a value. Written for itself, from the CRD alone: it is to notice what the
 * classes, which the CRD and the program's own validation are made of, let through.
 */
export function* misfits(schema: Schema, value: unknown, path: string): Generator<string> {
  if (!hasType(schema, value)) yield `${path} is no ${schema.type ?? 'such value'}`;
  else if (Array.isArray(value)) yield* misfitsOfList(schema, value, path);
  else if (typeof value === 'object' && value !== null) yield* misfitsOfObject(schema, value, path);
  else yield* misfitsOfScalar(schema, value, path);
}

function hasType({ type, ...schema }: Schema, value: unknown): boolean {
  if (schema['x-kubernetes-int-or-string'] === true) return typeof value === 'string' || Number.isSafeInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return type === 'integer' ? Number.isSafeInteger(value) : typeof value === type;
}

function* misfitsOfList({ items = {}, maxItems = Infinity }: Schema, value: readonly unknown[], path: string) {
  if (value.length > maxItems) yield `${path} has too many items`;
  for (const [index, item] of value.entries()) yield* misfits(items, item, `${path}[${index}]`);
}

function* misfitsOfObject(schema: Schema, value: object, path: string): Generator<string> {
  const { properties = {}, additionalProperties, required = [], maxProperties = Infinity } = schema;
  const entries = Object.entries(value);
  if (entries.length > maxProperties) yield `${path} has too many fields`;
  for (const name of required) if (!Object.hasOwn(value, name)) yield `${path}.${name} is missing`;
  for (const [name, member] of entries) {
    const inner = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (inner === undefined) yield `${path}.${name} is unknown`;
    else yield* misfits(inner, member, `${path}.${name}`);
  }
}

function* misfitsOfScalar(schema: Schema, value: unknown, path: string): Generator<string> {
  const { enum: allowed, minimum = -Infinity, maximum = Infinity } = schema;
  if (allowed !== undefined && !allowed.includes(value)) yield `${path} is none of those allowed`;
  if (typeof value === 'number' && !(value >= minimum && value <= maximum)) yield `${path} is out of bounds`;
  if (typeof value === 'string') yield* misfitsOfText(schema, value, path);
}

function* misfitsOfText({ maxLength = Infinity, pattern, format }: Schema, value: string, path: string) {
  if (!value.isWellFormed()) yield `${path} has half a character`;
  if (Array.from(value).length > maxLength) yield `${path} is too long`;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) yield `${path} does not match ${pattern}`;
  if (format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value))
    yield `${path} is no time`;
}
