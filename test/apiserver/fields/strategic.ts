import type { Json, JsonObject } from '../json.ts';
import { clone, equal, isObject, removeKey } from '../json.ts';
import type { Shape } from './shape.ts';
import { plain } from './shape.ts';

/**
 * Strategic merge patch, as kubectl sends it for built-in kinds: maps merge (null removes), lists with keys merge item by
 * item, other lists are replaced. Knows the directives $patch, $retainKeys, $deleteFromPrimitiveList, $setElementOrder.
 */
export function strategicMerge(live: Json, patch: Json, shape: Shape): Json {
  if (!isObject(patch)) return clone(patch);
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  const result: JsonObject = isObject(live) ? { ...live } : {};
  retainKeys(result, patch);
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$deleteFromPrimitiveList/')) deletePrimitives(result, name, value);
    else if (!name.startsWith('$')) mergeMember(result, name, value, shape.field(name) ?? plain);
  }
  reorder(result, patch, shape);
  return result;
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return clone(Object.fromEntries(Object.entries(patch).filter(([name]) => !name.startsWith('$'))));
}

function retainKeys(result: JsonObject, patch: JsonObject): void {
  const retained = patch['$retainKeys'];
  if (!Array.isArray(retained)) return;
  for (const name of Object.keys(result)) if (!retained.includes(name)) removeKey(result, name);
}

function deletePrimitives(result: JsonObject, directive: string, values: Json): void {
  const name = directive.slice('$deleteFromPrimitiveList/'.length);
  const list = result[name];
  if (!Array.isArray(list) || !Array.isArray(values)) return;
  result[name] = list.filter((item) => !values.some((value) => equal(value, item)));
}

function mergeMember(result: JsonObject, name: string, value: Json, shape: Shape): void {
  const live = result[name];
  if (value === null || (isObject(value) && value['$patch'] === 'delete')) removeKey(result, name);
  else if (Array.isArray(value)) result[name] = mergeList(Array.isArray(live) ? live : [], value, shape);
  else result[name] = strategicMerge(live, value, shape);
}

function mergeList(live: Json[], patch: Json[], shape: Shape): Json {
  if (shape.set) return [...live, ...patch.filter((item) => !live.some((one) => equal(one, item)))];
  const key = shape.keys?.[0];
  if (key === undefined) return patch.filter((item) => !isDirective(item)).map((item) => clone(item));
  const replace = patch.some((item) => isObject(item) && item['$patch'] === 'replace');
  const result = replace ? [] : [...live];
  for (const item of patch) if (isObject(item)) mergeItem(result, item, key, shape.item());
  return result;
}

function isDirective(item: Json): boolean {
  return isObject(item) && item['$patch'] !== undefined;
}

function mergeItem(list: Json[], item: JsonObject, key: string, shape: Shape): void {
  if (item['$patch'] === 'replace') return;
  const index = list.findIndex((one) => isObject(one) && equal(one[key], item[key]));
  if (item['$patch'] === 'delete') {
    if (index >= 0) list.splice(index, 1);
    return;
  }
  if (index >= 0) list[index] = strategicMerge(list[index], item, shape);
  else list.push(strategicMerge({}, item, shape));
}

/** $setElementOrder/<list>: the order in which the named items are to be; others keep their place behind them. */
function reorder(result: JsonObject, patch: JsonObject, shape: Shape): void {
  const directive = '$setElementOrder/';
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(directive) || !Array.isArray(order)) continue;
    const field = name.slice(directive.length);
    const list = result[field];
    const key = shape.field(field)?.keys?.[0];
    if (!Array.isArray(list)) continue;
    const identity = (item: Json): string => JSON.stringify(key !== undefined && isObject(item) ? item[key] : item);
    const wanted = order.map(identity);
    const rank = (item: Json): number => {
      const index = wanted.indexOf(identity(item));
      return index < 0 ? wanted.length : index;
    };
    result[field] = list.toSorted((a, b) => rank(a) - rank(b));
  }
}
