import { randomUUID } from 'node:crypto';
import { prepareBuiltin, validateBuiltin } from '../admission/builtin.ts';
import { prepareDefinition, validateDefinition } from '../admission/definitions.ts';
import { validateMetadata } from '../admission/names.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { KubeObject } from '../json.ts';
import { equal, timestamp } from '../json.ts';
import type { Writer } from '../fields/managers.ts';
import { managersAfterUpdate, sameOwnership, writeManagers } from '../fields/managers.ts';
import { shapeOf } from '../fields/shape.ts';
import type { Resource } from '../resources.ts';
import { storageKey, targetOf } from '../resources.ts';
import { applyDefaults, prune } from '../schema/structural.ts';
import { validateCustom } from '../schema/validate.ts';
import { badRequest, invalid, invalidPatch } from '../status.ts';
import { finishDeletion } from './deletion.ts';
import type { Location, WriteOptions } from './options.ts';
import { keyOf } from './options.ts';

/** A write on its way into the store. */
export interface Proposal {
  location: Location;
  /** The object as stored before; undefined for a create. */
  old: Readonly<KubeObject> | undefined;
  /** The whole object that is to be; may be changed in place. */
  next: KubeObject;
  writer: Writer;
  options: WriteOptions;
  /** Whether `next` carries its final managedFields already (server-side apply). */
  managed: boolean;
  /** Whether `next` came out of a patch: then unknown fields are reported in other words. */
  patched: boolean;
}

export interface Committed {
  object: Readonly<KubeObject>;
  warnings: string[];
}

/** Each of the two halves of an object is written by its own endpoint: /status changes only the status, the rest only the rest. */
function separateStatus(proposal: Proposal): void {
  const { old, next, location, options } = proposal;
  if (options.subresource === 'status' && old) {
    const managedFields = next.metadata.managedFields;
    const metadata = { ...old.metadata, ...(managedFields ? { managedFields } : {}) };
    proposal.next = { ...structuredClone(old), metadata, status: next['status'] };
  } else if (location.resource.status) {
    if (old?.['status'] === undefined) delete next['status'];
    else next['status'] = structuredClone(old['status']);
  }
}

/** Metadata that only the server decides. */
function ownMetadata(proposal: Proposal): void {
  const { old, next, location } = proposal;
  const { metadata } = next;
  if (location.resource.namespaced) metadata.namespace = location.namespace;
  else delete metadata.namespace;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  if (!old) {
    delete metadata.generation;
    metadata.uid = randomUUID();
    metadata.creationTimestamp = timestamp();
    return;
  }
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generateName } = old.metadata;
  Object.assign(metadata, { name: old.metadata.name, uid, creationTimestamp });
  if (deletionTimestamp !== undefined) Object.assign(metadata, { deletionTimestamp, deletionGracePeriodSeconds });
  if (generateName !== undefined) metadata.generateName = generateName;
}

function reportUnknown(proposal: Proposal, unknown: string[], before: KubeObject): string[] {
  const { options, location } = proposal;
  if (unknown.length === 0 || options.fieldValidation === 'Ignore') return [];
  const lines = unknown.map((path) => `unknown field "${path}"`);
  if (options.fieldValidation === 'Warn') return lines;
  const message = `strict decoding error: ${lines.join(', ')}`;
  if (proposal.patched && proposal.old) throw invalidPatch(before, message);
  const { kind, version } = location.resource;
  throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${message}`);
}

function prepare(proposal: Proposal): string[] {
  const { next, old, location } = proposal;
  const { custom } = location.resource;
  if (custom) {
    const before = structuredClone(next);
    const warnings = reportUnknown(proposal, prune(next, custom.schema), before);
    applyDefaults(next, custom.schema);
    return warnings;
  }
  prepareBuiltin(location.resource, next, old);
  if (isDefinition(location.resource)) prepareDefinition(next);
  return [];
}

function isDefinition(resource: Resource): boolean {
  return resource.kind === 'CustomResourceDefinition' && resource.group === 'apiextensions.k8s.io';
}

function validate(state: ClusterState, proposal: Proposal): void {
  const { next, old, location } = proposal;
  const { resource } = location;
  const errors = validateMetadata(resource, next);
  if (resource.custom) errors.push(...validateCustom(next, resource.custom.schema, old));
  else if (isDefinition(resource)) errors.push(...validateDefinition(next));
  else if (proposal.options.subresource === '') errors.push(...validateBuiltin(resource, next, old, state.allocator));
  if (errors.length > 0) throw invalid(targetOf(resource), next.metadata.name, errors);
}

/** The generation counts the changes of what people ask for: everything but metadata and, if it is apart, the status. */
function setGeneration(proposal: Proposal): void {
  const { old, next, location } = proposal;
  if (!location.resource.generation) return;
  const essence = (object: Readonly<KubeObject>): KubeObject => ({
    ...object,
    metadata: { name: '' },
    ...(location.resource.status ? { status: undefined } : {}),
  });
  const before = old?.metadata.generation ?? 0;
  next.metadata.generation = old && equal(essence(old), essence(next)) ? before : before + 1;
}

function unchanged(old: Readonly<KubeObject>, next: KubeObject): boolean {
  const strip = (object: Readonly<KubeObject>): KubeObject => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: '', managedFields: [] },
  });
  return sameOwnership(old, next) && equal(strip(old), strip(next));
}

/**
 * Takes a proposed object through everything that stands between a request and the store: the split of status and spec,
 * server-owned metadata, pruning, defaults, validation, ownership, generation. Writes nothing when nothing changed, and
 * removes the object when it was only waiting for its last finalizer. Throws StatusError.
 */
export function commit(state: ClusterState, proposal: Proposal): Committed {
  separateStatus(proposal);
  ownMetadata(proposal);
  const warnings = prepare(proposal);
  validate(state, proposal);
  setGeneration(proposal);
  const { old, next, location, options } = proposal;
  if (!proposal.managed) {
    writeManagers(next, managersAfterUpdate(old, next, shapeOf(location.resource), proposal.writer));
  }
  if (old && unchanged(old, next)) return { object: old, warnings };
  if (options.dryRun) return { object: { ...next, metadata: dryMetadata(old, next) }, warnings };
  const resource = storageKey(location.resource);
  if (old && finishDeletion(state, location, next)) return { object: next, warnings };
  return { object: state.store.put(resource, keyOf(location), next).object, warnings };
}

function dryMetadata(old: Readonly<KubeObject> | undefined, next: KubeObject): KubeObject['metadata'] {
  const resourceVersion = old?.metadata.resourceVersion;
  return { ...next.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
}
