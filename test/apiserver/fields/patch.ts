import type { Json, JsonObject } from '../json.ts';
import { clone, isObject, removeKey } from '../json.ts';

/** JSON merge patch (RFC 7386): null removes, maps merge, everything else is replaced. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return clone(patch);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) removeKey(result, name);
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}
