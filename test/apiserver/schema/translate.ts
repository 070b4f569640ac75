import type { Json, JsonObject } from '../json.ts';
import { isObject } from '../json.ts';

const dropped = new Set(['default', 'description', 'title', 'example', 'externalDocs', 'nullable', 'discriminator']);

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const nested = new Set(['items', 'additionalProperties', 'not']);
const nestedLists = new Set(['allOf', 'anyOf', 'oneOf']);

function translateMember(key: string, value: Json): Json {
  if (nested.has(key)) return isObject(value) ? toJsonSchema(value) : value;
  if (nestedLists.has(key) && Array.isArray(value))
    return value.map((one) => (isObject(one) ? toJsonSchema(one) : one));
  if (key === 'properties' && isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, isObject(one) ? toJsonSchema(one) : one]),
    );
  }
  return value;
}

/** OpenAPI 3.0 writes exclusive bounds as booleans beside the bound, JSON Schema as bounds of their own. */
function translateBounds(schema: JsonObject, result: JsonObject): void {
  for (const bound of ['Minimum', 'Maximum']) {
    const plain = bound.toLowerCase();
    const exclusive = `exclusive${bound}`;
    if (schema[exclusive] === true) {
      result[exclusive] = schema[plain];
      result[plain] = undefined;
    } else if (schema[exclusive] === false) {
      result[exclusive] = undefined;
    }
  }
}

function withNull(schema: JsonObject, result: JsonObject): void {
  if (schema['nullable'] !== true) return;
  if (typeof result['type'] === 'string') result['type'] = [result['type'], 'null'];
  if (Array.isArray(result['enum'])) result['enum'] = [...result['enum'], null];
}

/**
 * A structural schema of a CRD as plain JSON Schema: int-or-string and nullable become type lists, exclusive bounds
 * numbers, and everything that does not validate (defaults, descriptions, x-kubernetes-*) is left out.
 */
export function toJsonSchema(schema: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) {
    if (!dropped.has(key) && !key.startsWith('x-')) result[key] = translateMember(key, value);
  }
  if (schema['x-kubernetes-int-or-string'] === true) {
    result['type'] = ['integer', 'string'];
    // Generators add anyOf: [integer, string] beside it; it says the same again.
    delete result['anyOf'];
  }
  translateBounds(schema, result);
  withNull(schema, result);
  return JSON.parse(JSON.stringify(result)) as JsonObject;
}
