import { randomInt } from 'node:crypto';
import type { ClusterState } from '../cluster-state.ts';
import type { Json, KubeObject } from '../json.ts';
import { clone, isObject, stringAt } from '../json.ts';
import { applyObject } from '../fields/apply.ts';
import { mergePatch } from '../fields/patch.ts';
import { shapeOf } from '../fields/shape.ts';
import { strategicMerge } from '../fields/strategic.ts';
import { apiVersionOf, storageKey, targetOf } from '../resources.ts';
import type { FieldError } from '../status.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  modified,
  notFound,
  unsupportedMediaType,
} from '../status.ts';
import { represent, toStored } from '../view/represent.ts';
import { commit } from './commit.ts';
import type { Proposal } from './commit.ts';
import type { Location, WriteOptions, Written } from './options.ts';
import { keyOf, writerOf } from './options.ts';

/** Checks that a body is an object of the kind that the path names, and gives it a metadata. */
function asObject(location: Location, body: Json): KubeObject {
  const { resource } = location;
  if (!isObject(body)) throw badRequest('the object provided is unrecognized (must be of type Object)');
  const apiVersion = stringAt(body, 'apiVersion') ?? apiVersionOf(resource);
  const kind = stringAt(body, 'kind') ?? resource.kind;
  if (apiVersion !== apiVersionOf(resource)) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${apiVersionOf(resource)})`,
    );
  }
  if (kind !== resource.kind) {
    throw badRequest(`${resource.kind} in version "${resource.version}" cannot be handled as a ${kind}`);
  }
  const metadata = isObject(body['metadata']) ? body['metadata'] : {};
  return { ...body, apiVersion, kind, metadata: { ...metadata, name: stringAt(metadata, 'name') ?? '' } };
}

function checkNamespace(location: Location, object: KubeObject): void {
  const { namespace } = object.metadata;
  if (location.resource.namespaced && namespace !== undefined && namespace !== '' && namespace !== location.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

function checkName(location: Location, object: KubeObject): void {
  const { name } = object.metadata;
  if (name !== '' && name !== location.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${location.name})`);
  }
}

/** Objects live only in namespaces that exist and are not going away. */
function requireNamespace(state: ClusterState, location: Location): void {
  if (!location.resource.namespaced) return;
  const { namespace } = location;
  const entry = state.store.get('/namespaces', namespace);
  if (!entry) throw notFound({ group: '', resource: 'namespaces', kind: 'Namespace' }, namespace);
  if (entry.object.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const message = `namespace ${namespace} is being terminated`;
  throw forbidden(targetOf(location.resource), location.name, why, [
    { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' },
  ]);
}

const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';

function generatedName(prefix: string): string {
  const letters = Array.from({ length: 5 }, () => suffixLetters[randomInt(suffixLetters.length)]);
  return prefix.slice(0, 58) + letters.join('');
}

/** POST: a new object. Throws StatusError: 400, 404 (namespace), 409 (exists), 422. */
export function createObject(state: ClusterState, at: Location, body: Json, options: WriteOptions): Written {
  const next = clone(asObject(at, body));
  checkNamespace(at, next);
  const { metadata } = next;
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
  if (!metadata.name && metadata.generateName) metadata.name = generatedName(metadata.generateName);
  const location = { ...at, name: metadata.name };
  requireNamespace(state, location);
  return insert(state, { location, next, options, managed: false });
}

function insert(
  state: ClusterState,
  { location, next, options, managed }: Pick<Proposal, 'location' | 'next' | 'options' | 'managed'>,
): Written {
  const { resource } = location;
  if (state.store.get(storageKey(resource), keyOf(location))) throw alreadyExists(targetOf(resource), location.name);
  const writer = writerOf(location, options, apiVersionOf(resource), managed);
  const stored = toStored(resource, next);
  const base = { location, old: undefined, writer, options, managed, patched: managed };
  const { object, warnings } = commit(state, { ...base, next: stored });
  return { object: represent(resource, object), created: true, warnings };
}

function existingObject(state: ClusterState, location: Location): Readonly<KubeObject> {
  const entry = state.store.get(storageKey(location.resource), keyOf(location));
  if (!entry) throw notFound(targetOf(location.resource), location.name);
  return entry.object;
}

function checkVersion(location: Location, old: Readonly<KubeObject>, next: KubeObject): void {
  const target = targetOf(location.resource);
  const { uid, resourceVersion } = next.metadata;
  if (uid && uid !== old.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid ?? ''}`;
    throw conflict(target, location.name, why);
  }
  if (resourceVersion && resourceVersion !== old.metadata.resourceVersion)
    throw conflict(target, location.name, modified);
}

function replace(state: ClusterState, proposal: Omit<Proposal, 'writer'>): Written {
  const { location, options } = proposal;
  const writer = writerOf(location, options, apiVersionOf(location.resource), proposal.managed);
  const { object, warnings } = commit(state, { ...proposal, writer, next: toStored(location.resource, proposal.next) });
  return { object: represent(location.resource, object), created: false, warnings };
}

/** PUT: the whole object anew (or its status). Throws StatusError: 400, 404, 409, 422. */
export function updateObject(state: ClusterState, location: Location, body: Json, options: WriteOptions): Written {
  const next = clone(asObject(location, body));
  checkName(location, next);
  checkNamespace(location, next);
  const old = existingObject(state, location);
  if (location.resource.custom && !next.metadata.resourceVersion) {
    const detail = 'must be specified for an update';
    const error: FieldError = { field: 'metadata.resourceVersion', type: 'Invalid', value: 0, detail };
    throw invalid(targetOf(location.resource), location.name, [error]);
  }
  checkVersion(location, old, next);
  keepManagers(old, next);
  return replace(state, { location, old, next, options, managed: false, patched: false });
}

/** A body without managedFields keeps those there are; an explicitly empty list clears them. */
function keepManagers(old: Readonly<KubeObject>, next: KubeObject): void {
  const given = next.metadata.managedFields;
  if (given === undefined) {
    if (old.metadata.managedFields) next.metadata.managedFields = old.metadata.managedFields;
  } else if (given.every((entry) => entry.manager === undefined)) delete next.metadata.managedFields;
}

export const patchTypes = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

function patched(location: Location, old: KubeObject, patch: Json, type: string): Json {
  const { resource } = location;
  if (type === patchTypes.merge) return mergePatch(old, patch);
  if (type === patchTypes.strategic && !resource.custom) return strategicMerge(old, patch, shapeOf(resource));
  const { strategic, ...others } = patchTypes;
  throw unsupportedMediaType(Object.values(resource.custom ? others : { ...others, strategic }).join(', '));
}

/** PATCH with any of the three kinds of patches. Throws StatusError: 400, 404, 409, 415, 422. */
export function patchObject(
  state: ClusterState,
  location: Location,
  { patch, type }: { patch: Json; type: string },
  options: WriteOptions,
): Written {
  if (type === patchTypes.apply) return apply(state, location, patch, options);
  const old = existingObject(state, location);
  const next = clone(asObject(location, patched(location, represent(location.resource, old), patch, type)));
  checkName(location, next);
  checkVersion(location, old, next);
  keepManagers(old, next);
  return replace(state, { location, old, next, options, managed: false, patched: true });
}

/** Server-side apply: creates the object when it is not there. */
function apply(state: ClusterState, location: Location, body: Json, options: WriteOptions): Written {
  const { resource, name, namespace } = location;
  const applied = clone(asObject(location, body));
  checkName(location, applied);
  checkNamespace(location, applied);
  if ((applied.metadata.managedFields ?? []).length > 0) throw badRequest('metadata.managedFields must be nil');
  const entry = state.store.get(storageKey(resource), keyOf(location));
  if (!entry && options.subresource !== '') throw notFound(targetOf(resource), name);
  if (!entry) requireNamespace(state, location);
  const blank: KubeObject = {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { name, ...(resource.namespaced ? { namespace } : {}) },
  };
  const live = entry ? represent(resource, entry.object) : blank;
  if (entry) checkVersion(location, entry.object, applied);
  const next = applyObject({
    live,
    applied,
    shape: shapeOf(resource),
    writer: writerOf(location, options, apiVersionOf(resource), true),
    force: options.force,
    ignored: ignoredFields(resource.status, options, applied),
  });
  if (!entry) return insert(state, { location, next, options, managed: true });
  return replace(state, { location, old: entry.object, next: clone(next), options, managed: true, patched: true });
}

function ignoredFields(hasStatus: boolean, options: WriteOptions, applied: KubeObject): string[] {
  if (options.subresource === 'status') {
    return Object.keys(applied).filter((name) => !['apiVersion', 'kind', 'status'].includes(name));
  }
  return hasStatus ? ['status'] : [];
}
