import fastJsonPatch from 'fast-json-patch';
import type { Operation } from 'fast-json-patch';
import type { Json, JsonObject, KubeObject } from '../json.ts';
import { clone, isObject, removeKey } from '../json.ts';
import { StatusError, badRequest } from '../status.ts';

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

/** JSON patch (RFC 6902). Throws 400 for something that is no patch and 422 when it does not fit the object. */
export function jsonPatch(target: KubeObject, patch: Json): Json {
  if (!Array.isArray(patch))
    throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  try {
    // The library checks every operation itself (validateOperation), so an ill-formed one ends in its error.
    return fastJsonPatch.applyPatch(clone(target), patch as unknown as Operation[], true).newDocument;
  } catch (error) {
    const message = 'the server rejected our request due to an error in our request';
    throw Object.assign(new StatusError(422, 'Invalid', message, {}), { cause: error });
  }
}
