import type { KubeObject } from '../json.ts';
import { removeKey, timestamp } from '../json.ts';
import type { Cause } from '../status.ts';
import { StatusError, applyConflict } from '../status.ts';
import { FieldSet, UndeclaredField, changed, difference, intersection, pathsOf, union, without } from './field-set.ts';
import type { Manager, Writer } from './managers.ts';
import { ownableFields, readManagers, sameWriter, writeManagers } from './managers.ts';
import { mergeApplied, removeFields } from './merge.ts';
import type { Shape } from './shape.ts';

export interface ApplyRequest {
  /** The object as it is; for a create, only its identity. */
  live: KubeObject;
  /** What the manager wants, as it sent it. */
  applied: KubeObject;
  shape: Shape;
  writer: Writer;
  /** Take fields away from their owners instead of reporting a conflict. */
  force: boolean;
  /** Top-level fields that this request cannot own: status for the main resource, the rest for /status. */
  ignored: readonly string[];
}

function wantedFields(request: ApplyRequest): FieldSet {
  const { applied } = request;
  try {
    return without(ownableFields(applied, request.shape), request.ignored);
  } catch (error) {
    if (!(error instanceof UndeclaredField)) throw error;
    const where = `${applied.metadata.namespace ?? ''}/${applied.metadata.name}; ${applied.apiVersion}, Kind=${applied.kind}`;
    const message = `failed to create typed patch object (${where}): ${error.message}`;
    throw new StatusError(500, '', message, {});
  }
}

function conflictsOf(managers: Manager[], contested: FieldSet): { manager: Manager; fields: FieldSet }[] {
  return managers
    .map((manager) => ({ manager, fields: intersection(contested, manager.fields) }))
    .filter((one) => !one.fields.empty);
}

function describe(manager: Manager): string {
  const subresource = manager.subresource ? ` with subresource "${manager.subresource}"` : '';
  const using = manager.operation === 'Update' ? ` using ${manager.apiVersion}` : '';
  return `conflict with "${manager.name}"${subresource}${using}`;
}

function refuse(conflicts: { manager: Manager; fields: FieldSet }[]): never {
  const causes: Cause[] = conflicts.flatMap(({ manager, fields }) =>
    pathsOf(fields).map((field) => ({ reason: 'FieldManagerConflict', message: describe(manager), field })),
  );
  const plural = causes.length === 1 ? 'conflict' : 'conflicts';
  const lines = conflicts.map(({ manager, fields }) => {
    const paths = pathsOf(fields);
    return paths.length === 1
      ? `${describe(manager)}: ${paths.join('')}`
      : `${describe(manager).replace('conflict', 'conflicts')}:\n${paths.map((path) => `- ${path}`).join('\n')}`;
  });
  throw applyConflict(causes, `Apply failed with ${causes.length} ${plural}: ${lines.join('\n')}`);
}

/** Everything that was there before the first apply belongs to a manager of this name, as in the real server. */
function existing(live: KubeObject, shape: Shape): Manager[] {
  const managers = readManagers(live);
  if (managers.length > 0 || live.metadata.uid === undefined) return managers;
  const fields = ownableFields(live, shape);
  const base = { operation: 'Update' as const, apiVersion: live.apiVersion, subresource: '', time: timestamp() };
  return [{ ...base, name: 'before-first-apply', fields }];
}

/**
 * Server-side apply: the object that results, with its managedFields. Fields that this manager applied before and no
 * longer does, and that nobody else owns, are removed.
 * Throws a StatusError 409 that names the fields of other managers, unless forced.
 */
export function applyObject(request: ApplyRequest): KubeObject {
  const { live, shape, writer } = request;
  const wanted = wantedFields(request);
  const managers = existing(live, shape);
  const others = managers.filter((manager) => !sameWriter(manager, writer));
  const last = managers.find((manager) => sameWriter(manager, writer));

  const contested = changed(wanted, ownableFields(live, shape));
  const conflicts = conflictsOf(others, contested);
  if (conflicts.length > 0 && !request.force) refuse(conflicts);
  for (const { manager, fields } of conflicts) manager.fields = difference(manager.fields, fields);

  // Only what can be applied of metadata is merged; the rest of it is the server's.
  const config: KubeObject = {
    ...request.applied,
    metadata: { name: live.metadata.name, ...ownMetadata(request.applied) },
  };
  for (const name of request.ignored) removeKey(config, name);
  const merged = mergeApplied(live, config, shape) as KubeObject;
  const gone = difference(last?.fields ?? new FieldSet(), wanted);
  const kept = others.reduce((set, manager) => union(set, manager.fields), wanted);
  const result = removeFields(merged, gone, kept, shape) as KubeObject;
  result.metadata = { ...result.metadata };

  const own: Manager = { ...writer, time: timestamp(), fields: wanted };
  writeManagers(result, [own, ...others]);
  return result;
}

/** The part of metadata that can be applied; the rest is the server's. */
function ownMetadata(applied: KubeObject): Partial<KubeObject['metadata']> {
  const { labels, annotations, finalizers, ownerReferences } = applied.metadata;
  return {
    ...(labels ? { labels } : {}),
    ...(annotations ? { annotations } : {}),
    ...(finalizers ? { finalizers } : {}),
    ...(ownerReferences ? { ownerReferences } : {}),
  };
}
