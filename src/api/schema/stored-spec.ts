import type { ProxyConfigSpec } from '../types.ts';
import { checkSpec, unknownField } from './validate.ts';
import type { FieldError } from './validate.ts';

/**
 * A spec as the API server has it: without fields that are null and without those that this program does not know, whose
 * paths are `unknown` (its CRD may be that of a newer version, and have let them through), or what is wrong with it. Never
 * throws, whatever it is given.
 */
export function checkStoredSpec(raw: unknown): { spec: ProxyConfigSpec; unknown: string[] } | { errors: FieldError[] } {
  const first = checkSpec(raw);
  if ('spec' in first) return { ...first, unknown: [] };
  const unknown = first.errors.filter(({ message }) => message === unknownField).map(({ path }) => path);
  if (unknown.length === 0) return first;
  const known: unknown = structuredClone(raw);
  for (const path of unknown) removeField(known, path);
  const second = checkSpec(known);
  return 'spec' in second ? { ...second, unknown } : second;
}

/** Takes the field at a path as errors have it, `spec.a.b` or `spec.a[0].b`, out of a spec; nothing where there is none. */
function removeField(spec: unknown, path: string): void {
  const steps = path.split(/[.[\]]+/).filter((step) => step !== '');
  const last = steps.pop() ?? '';
  const parent = steps
    .slice(1)
    .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], spec);
  if (typeof parent === 'object' && parent !== null) Reflect.deleteProperty(parent, last);
}
