import type { Json, JsonObject } from '../json.ts';
import { clone, equal, isObject, removeKey } from '../json.ts';
import { itemStep } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import type { Shape } from './shape.ts';
import { plain } from './shape.ts';

/** What server-side apply makes of the live value and the applied one: the union, where the applied one wins. */
export function mergeApplied(live: Json, applied: Json, shape: Shape): Json {
  if (isObject(live) && isObject(applied) && !shape.atomic) return mergeMaps(live, applied, shape);
  if (Array.isArray(live) && Array.isArray(applied)) {
    if (shape.keys) return mergeKeyed(live, applied, shape);
    if (shape.set) return [...live, ...applied.filter((item) => !live.some((one) => equal(one, item)))];
  }
  return clone(applied);
}

function mergeMaps(live: JsonObject, applied: JsonObject, shape: Shape): JsonObject {
  const result: JsonObject = { ...live };
  for (const [name, value] of Object.entries(applied)) {
    result[name] = mergeApplied(live[name], value, shape.field(name) ?? plain);
  }
  return result;
}

function mergeKeyed(live: Json[], applied: Json[], shape: Shape): Json[] {
  const wanted = new Map(applied.map((item) => [itemStep(item, shape), item]));
  const kept = live.map((item) => {
    const step = itemStep(item, shape);
    const mine = wanted.get(step);
    wanted.delete(step);
    return mine === undefined ? item : mergeApplied(item, mine, shape.item());
  });
  return [...kept, ...[...wanted.values()].map((item) => clone(item))];
}

/**
 * Removes the fields in `gone` from a value. What `kept` has (or has something inside of) stays. A map that becomes
 * empty by it goes too; `undefined` says that nothing is left.
 */
export function removeFields(value: Json, gone: FieldSet, kept: FieldSet | undefined, shape: Shape): Json {
  if (gone.member && (!kept || kept.empty)) return undefined;
  if (isObject(value) && !shape.atomic) return removeMembers(value, gone, kept, shape);
  if (Array.isArray(value) && (shape.keys || shape.set)) return removeItems(value, gone, kept, shape);
  return value;
}

function removeMembers(value: JsonObject, gone: FieldSet, kept: FieldSet | undefined, shape: Shape): Json {
  const result: JsonObject = { ...value };
  for (const [step, child] of gone.children) {
    const name = step.slice(2);
    if (result[name] === undefined) continue;
    const left = removeFields(result[name], child, kept?.children.get(step), shape.field(name) ?? plain);
    if (left === undefined) removeKey(result, name);
    else result[name] = left;
  }
  const emptied = Object.keys(result).length === 0 && Object.keys(value).length > 0;
  return emptied && !kept?.member ? undefined : result;
}

function removeItems(list: Json[], gone: FieldSet, kept: FieldSet | undefined, shape: Shape): Json {
  const left = list.flatMap((item) => {
    const step = shape.set ? `v:${JSON.stringify(item)}` : itemStep(item, shape);
    const child = gone.children.get(step);
    if (!child) return [item];
    const rest = removeFields(item, child, kept?.children.get(step), shape.item());
    return rest === undefined ? [] : [rest];
  });
  return left.length === 0 && list.length > 0 && !kept?.member ? undefined : left;
}
