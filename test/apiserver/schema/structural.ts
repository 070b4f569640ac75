import type { Json, JsonObject } from '../json.ts';
import { clone, isObject, listAt, objectAt, removeKey } from '../json.ts';

/** The schema of one property of an object; undefined when the schema does not declare it. */
export function propertySchema(schema: JsonObject, name: string): JsonObject | undefined {
  const properties = objectAt(schema, 'properties');
  const declared = Object.hasOwn(properties, name) ? properties[name] : schema['additionalProperties'];
  if (isObject(declared)) return declared;
  return declared === true ? { 'x-kubernetes-preserve-unknown-fields': true } : undefined;
}

/** The schema of the items of a list. */
export function itemSchema(schema: JsonObject): JsonObject {
  return objectAt(schema, 'items');
}

const objectMembers = ['apiVersion', 'kind', 'metadata'];

function isKnownMember(schema: JsonObject, name: string, root: boolean): boolean {
  return (root || schema['x-kubernetes-embedded-resource'] === true) && objectMembers.includes(name);
}

/**
 * Removes in place what the schema does not declare (pruning) and returns the paths of what was removed, as strict field
 * validation names them: `spec.foo`, `spec.list[0].bar`.
 * @param root whether this is a whole object, whose apiVersion, kind and metadata need no declaration
 */
export function prune(value: Json, schema: JsonObject, path = '', root = true): string[] {
  if (Array.isArray(value)) {
    const items = itemSchema(schema);
    return value.flatMap((item, index) => prune(item, items, `${path}[${index}]`, false));
  }
  if (!isObject(value)) return [];
  return Object.keys(value).flatMap((name) =>
    isKnownMember(schema, name, root) ? [] : pruneMember(value, name, schema, path),
  );
}

function pruneMember(value: JsonObject, name: string, schema: JsonObject, path: string): string[] {
  const where = path ? `${path}.${name}` : name;
  const inner = propertySchema(schema, name);
  if (inner) return prune(value[name], inner, where, false);
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return [];
  removeKey(value, name);
  return [where];
}

function isAbsent(value: Json, property: JsonObject): boolean {
  return value === undefined || (value === null && property['nullable'] !== true);
}

function setDefault(object: JsonObject, name: string, property: JsonObject): void {
  if (property['default'] !== undefined) object[name] = clone(property['default']);
}

/** Fills in the schema's defaults in place. A null where none is allowed counts as absent, if there is a default. */
export function applyDefaults(value: Json, schema: JsonObject): void {
  if (Array.isArray(value)) {
    const items = itemSchema(schema);
    for (const item of value) applyDefaults(item, items);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, property] of Object.entries(objectAt(schema, 'properties'))) {
    if (isObject(property) && isAbsent(value[name], property)) setDefault(value, name, property);
  }
  for (const [name, inner] of Object.entries(value)) {
    const property = propertySchema(schema, name);
    if (property) applyDefaults(inner, property);
  }
}

/** The `x-kubernetes-list-map-keys` of a list schema, if it is a map by keys. */
export function listMapKeys(schema: JsonObject): string[] | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map') return undefined;
  return listAt(schema, 'x-kubernetes-list-map-keys').filter((key) => typeof key === 'string');
}
