import type { ProxyConfigSpec } from '../types.ts';
import { examineSpec } from './validate.ts';
import type { FieldError } from './validate.ts';

/**
 * A spec as the API server has it: without fields that are null and without those that this program does not know, whose
 * paths are `unknown` (its CRD may be that of a newer version, and have let them through), or what is wrong with it. Never
 * throws, whatever it is given.
 */
export function checkStoredSpec(
  raw: unknown,
): { spec: ProxyConfigSpec; unknown: readonly string[] } | { errors: readonly FieldError[] } {
  const { spec, unknown, errors } = examineSpec(raw);
  return errors.length > 0 ? { errors } : { spec, unknown };
}
