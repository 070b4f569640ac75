import type { JsonObject, KubeObject, ManagedFieldsEntry } from '../json.ts';
import { equal, timestamp } from '../json.ts';
import { FieldSet, changed, difference, fieldsOf, fromFieldsV1, toFieldsV1, union, without } from './field-set.ts';
import type { Shape } from './shape.ts';
import { plain } from './shape.ts';

/** One manager with what it owns. */
export interface Manager {
  name: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  time: string;
  fields: FieldSet;
}

/** Who writes, and how: it decides which entry of managedFields grows. */
export type Writer = Pick<Manager, 'name' | 'operation' | 'apiVersion' | 'subresource'>;

export function readManagers(object: Readonly<KubeObject>): Manager[] {
  return (object.metadata.managedFields ?? []).map((entry) => ({
    name: entry.manager ?? '',
    operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
    apiVersion: entry.apiVersion ?? '',
    subresource: entry.subresource ?? '',
    time: entry.time ?? timestamp(),
    fields: fromFieldsV1(entry.fieldsV1 ?? {}),
  }));
}

function toEntry(manager: Manager): ManagedFieldsEntry {
  return {
    manager: manager.name,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    time: manager.time,
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(manager.fields),
    ...(manager.subresource ? { subresource: manager.subresource } : {}),
  };
}

/** Writes managers into an object; those that own nothing are left out. */
export function writeManagers(object: KubeObject, managers: Manager[]): void {
  const entries = managers.filter((manager) => !manager.fields.empty).map(toEntry);
  // Applied entries first, then by time and name, as the real server sorts them.
  const order = (entry: ManagedFieldsEntry): string =>
    [entry.operation, entry.time, entry.manager].map((part) => part ?? '').join(' ');
  entries.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  if (entries.length > 0) object.metadata.managedFields = entries;
  else delete object.metadata.managedFields;
}

export function sameWriter(manager: Manager, writer: Writer): boolean {
  return (
    manager.name === writer.name &&
    manager.operation === writer.operation &&
    manager.subresource === writer.subresource &&
    (writer.operation === 'Apply' || manager.apiVersion === writer.apiVersion)
  );
}

/** Fields of metadata that the server fills in, and that nobody owns. */
const unowned = [
  ...['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'selfLink', 'managedFields'],
  ...['deletionTimestamp', 'deletionGracePeriodSeconds', 'generateName'],
];

/** All fields of an object that somebody can own; see fieldsOf for `containers`. Throws UndeclaredField. */
export function ownableFields(object: Readonly<KubeObject>, shape: Shape, containers = false): FieldSet {
  const { metadata, ...rest } = object;
  const members: JsonObject = { ...rest, apiVersion: undefined, kind: undefined };
  const set = fieldsOf(members, { ...shape, field: (name) => shape.field(name) ?? plain }, containers);
  set.member = false;
  const own = without(fieldsOf(metadata, shape.field('metadata') ?? plain, containers), unowned);
  if (!own.empty) set.children.set('f:metadata', own);
  return set;
}

/** The managers after a write that was not an apply: the writer owns what it changed, nobody what is gone. */
export function managersAfterUpdate(
  live: KubeObject | undefined,
  next: KubeObject,
  shape: Shape,
  writer: Writer,
): Manager[] {
  const after = ownableFields(next, shape, true);
  const before = live ? ownableFields(live, shape, true) : new FieldSet();
  const touched = changed(after, before);
  const removed = difference(before, after);
  const managers = readManagers(next).map((manager) => ({
    ...manager,
    fields: difference(sameWriter(manager, writer) ? manager.fields : difference(manager.fields, touched), removed),
  }));
  if (touched.empty) return managers;
  const own = managers.find((manager) => sameWriter(manager, writer));
  if (!own) return [...managers, { ...writer, time: timestamp(), fields: touched }];
  own.fields = union(own.fields, touched);
  own.time = timestamp();
  return managers;
}

/** Whether two lists of managers own the same, whatever their times. */
export function sameOwnership(a: Readonly<KubeObject>, b: Readonly<KubeObject>): boolean {
  const strip = (object: Readonly<KubeObject>): ManagedFieldsEntry[] =>
    (object.metadata.managedFields ?? []).map((entry) => ({ ...entry, time: '' }));
  return equal(strip(a), strip(b));
}
