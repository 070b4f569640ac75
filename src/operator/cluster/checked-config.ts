import { defaultPriority } from '../../api/index.ts';
import type { Metadata, ProxyConfig, ProxyConfigSpec } from '../../api/index.ts';
import { checkStoredSpec, isRecord, nameErrors, readStoredStatus } from '../../api/schema/index.ts';
import type { FieldError } from '../../api/schema/index.ts';

/** A ProxyConfig and what is wrong with it (the API server may have another CRD than we have rules). */
export interface CheckedConfig {
  /** With errors the spec says nothing but the priority, as far as that can be read. */
  readonly config: ProxyConfig;
  /** Empty if it is valid. */
  readonly errors: readonly FieldError[];
  /** Fields that this operator does not know, and does without: the CRD is that of a newer version. Absent: none. */
  readonly unknownFields?: readonly string[];
}

/** Reads a ProxyConfig as it may have come through any CRD, or none; never throws. */
export function checkedConfig(object: { metadata: Metadata; spec?: unknown; status?: unknown }): CheckedConfig {
  const { metadata } = object;
  const checked = checkStoredSpec(object.spec);
  const errors = [...nameErrors(metadata.name), ...('errors' in checked ? checked.errors : [])];
  const spec: ProxyConfigSpec =
    'errors' in checked || errors.length > 0 ? { priority: readablePriority(object.spec) } : checked.spec;
  const status = readStoredStatus(object.status);
  const unknownFields = 'unknown' in checked && checked.unknown.length > 0 ? checked.unknown : undefined;
  const config = { metadata, spec, ...(status !== undefined && { status }) };
  return { config, errors, ...(unknownFields !== undefined && { unknownFields }) };
}

function readablePriority(spec: unknown): number {
  const priority: unknown = isRecord(spec) ? spec['priority'] : undefined;
  return typeof priority === 'number' && Number.isInteger(priority) ? priority : defaultPriority;
}
