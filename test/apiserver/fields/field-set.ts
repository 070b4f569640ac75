import type { Json, JsonObject } from '../json.ts';
import { equal, isObject } from '../json.ts';
import type { Shape } from './shape.ts';

/**
 * A set of fields of an object, as a tree. Steps are written as in metadata.managedFields: `f:name` for a member of a
 * map, `k:{"name":"x"}` for an item of a list by its keys, `v:"x"` for an item of a set.
 */
export class FieldSet {
  /** Whether this very field is in the set (not only something inside it). */
  member = false;
  /** What the field was, for leaves of a set made from a value. */
  value: Json;
  readonly children = new Map<string, FieldSet>();

  child(step: string): FieldSet {
    let child = this.children.get(step);
    if (!child) {
      child = new FieldSet();
      this.children.set(step, child);
    }
    return child;
  }

  get empty(): boolean {
    return !this.member && this.children.size === 0;
  }
}

/** The step to an item of a list with keys. */
export function itemStep(item: Json, shape: Shape): string {
  const keys = [...(shape.keys ?? [])].sort();
  const values = keys.map((key) => [key, (isObject(item) ? item[key] : undefined) ?? shape.keyDefaults?.[key]]);
  return `k:${JSON.stringify(Object.fromEntries(values))}`;
}

/** The field that a path names is not in the schema. */
export class UndeclaredField extends Error {}

/**
 * All fields of a value.
 * @param containers whether maps and lists are fields themselves beside what is in them: so it is for writes that are no
 * applies
 * Throws UndeclaredField.
 */
export function fieldsOf(value: Json, shape: Shape, containers = false, path = ''): FieldSet {
  const set = new FieldSet();
  if (isObject(value) && !shape.atomic) {
    addMembers(set, value, { shape, containers, path });
    set.member = containers;
  } else if (Array.isArray(value) && (shape.keys !== undefined || shape.set)) {
    addItems(set, value, { shape, containers, path });
    set.member = containers;
  } else {
    set.member = true;
    set.value = value;
  }
  return set;
}

/** Where a value stands, and what is wanted of it. */
interface Place {
  readonly shape: Shape;
  readonly containers: boolean;
  readonly path: string;
}

function addMembers(set: FieldSet, value: JsonObject, { shape, containers, path }: Place): void {
  for (const [name, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const field = shape.field(name);
    if (!field) throw new UndeclaredField(`${path}.${name}: field not declared in schema`);
    const child = fieldsOf(inner, field, containers, `${path}.${name}`);
    if (shape.free || (isObject(inner) && Object.keys(inner).length === 0)) child.member = true;
    if (!child.empty) set.children.set(`f:${name}`, child);
  }
}

function addItems(set: FieldSet, list: Json[], { shape, containers, path }: Place): void {
  for (const [index, item] of list.entries()) {
    const step = shape.set ? `v:${JSON.stringify(item)}` : itemStep(item, shape);
    const child = shape.set ? new FieldSet() : fieldsOf(item, shape.item(), containers, `${path}[${index}]`);
    child.member = true;
    set.children.set(step, child);
  }
}

/** Keeps of `a` what `keep` says, given the same field of `b`. */
function filter(
  a: FieldSet,
  b: FieldSet | undefined,
  keep: (a: FieldSet, b: FieldSet | undefined) => boolean,
): FieldSet {
  const result = new FieldSet();
  result.member = a.member && keep(a, b);
  if (result.member) result.value = a.value;
  for (const [step, child] of a.children) {
    const kept = filter(child, b?.children.get(step), keep);
    if (!kept.empty) result.children.set(step, kept);
  }
  return result;
}

export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return filter(a, b, (_, other) => !other?.member);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return filter(a, b, (_, other) => other?.member === true);
}

/** The fields of `a` that are not in `b`, or have another value there. Both made from values. */
export function changed(a: FieldSet, b: FieldSet): FieldSet {
  return filter(a, b, (mine, other) => !other?.member || !equal(mine.value, other.value));
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const result = new FieldSet();
  result.member = a.member || b.member;
  for (const step of new Set([...a.children.keys(), ...b.children.keys()])) {
    const left = a.children.get(step);
    const right = b.children.get(step);
    const merged = left && right ? union(left, right) : (left ?? right);
    if (merged) result.children.set(step, merged);
  }
  return result;
}

/** A copy without some top-level fields, such as status. */
export function without(set: FieldSet, names: readonly string[]): FieldSet {
  const result = new FieldSet();
  for (const [step, child] of set.children) {
    if (!names.includes(step.slice(2))) result.children.set(step, child);
  }
  return result;
}

/** The set as managedFields write it (FieldsV1). */
export function toFieldsV1(set: FieldSet): JsonObject {
  const result: JsonObject = {};
  if (set.member && set.children.size > 0) result['.'] = {};
  for (const step of [...set.children.keys()].sort()) {
    const child = set.children.get(step);
    if (child) result[step] = toFieldsV1(child);
  }
  return result;
}

export function fromFieldsV1(fields: JsonObject, root = true): FieldSet {
  const set = new FieldSet();
  const steps = Object.entries(fields).filter(([step]) => step !== '.');
  set.member = !root && (steps.length === 0 || fields['.'] !== undefined);
  for (const [step, inner] of steps) set.children.set(step, fromFieldsV1(isObject(inner) ? inner : {}, false));
  return set;
}

function stepText(step: string): string {
  if (step.startsWith('f:')) return `.${step.slice(2)}`;
  if (step.startsWith('v:')) return `[=${step.slice(2)}]`;
  const keys = JSON.parse(step.slice(2)) as JsonObject;
  return `[${Object.entries(keys)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(',')}]`;
}

/** The paths in a set as conflicts name them: `.spec.ports[port=80,protocol="TCP"].name`. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
  const children = [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));
  const own = children.filter(([, child]) => child.member).map(([step]) => prefix + stepText(step));
  return [...own, ...children.flatMap(([step, child]) => pathsOf(child, prefix + stepText(step)))];
}
