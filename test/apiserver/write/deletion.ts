import type { ClusterState } from '../cluster-state.ts';
import type { Json, JsonObject, KubeObject } from '../json.ts';
import { isObject, listAt, objectAt, stringAt, timestamp } from '../json.ts';
import { storageKey, targetOf } from '../resources.ts';
import { conflict, notFound } from '../status.ts';
import { keyOf } from './options.ts';
import type { Location } from './options.ts';

/** metav1.DeleteOptions. */
export interface DeleteOptions {
  dryRun: boolean;
  gracePeriodSeconds: number | undefined;
  propagationPolicy: string | undefined;
  uid: string | undefined;
  resourceVersion: string | undefined;
}

/** DeleteOptions from the body of a request and its query, where the query wins. */
export function deleteOptions(body: Json, query: URLSearchParams): DeleteOptions {
  const options = isObject(body) ? body : {};
  const preconditions = objectAt(options, 'preconditions');
  const grace = query.get('gracePeriodSeconds') ?? options['gracePeriodSeconds'] ?? undefined;
  const orphans = options['orphanDependents'] === true ? 'Orphan' : undefined;
  return {
    dryRun: query.has('dryRun') || listAt(options, 'dryRun').length > 0,
    gracePeriodSeconds: grace === undefined ? undefined : Number(grace),
    propagationPolicy: query.get('propagationPolicy') ?? stringAt(options, 'propagationPolicy') ?? orphans,
    uid: stringAt(preconditions, 'uid'),
    resourceVersion: stringAt(preconditions, 'resourceVersion'),
  };
}

/** Finalizers of the server itself: kept until the garbage collector has dealt with dependents. */
export const foreground = 'foregroundDeletion';
export const orphan = 'orphan';

/** The seconds a pod gets to stop before it is removed; 0 when nobody runs it. */
function gracePeriod(location: Location, object: Readonly<KubeObject>, options: DeleteOptions): number {
  const { resource } = location;
  if (resource.group !== '' || resource.kind !== 'Pod') return 0;
  const spec = objectAt(object, 'spec');
  const phase = objectAt(object, 'status')['phase'];
  if (!stringAt(spec, 'nodeName') || phase === 'Succeeded' || phase === 'Failed') return 0;
  return options.gracePeriodSeconds ?? Number(spec['terminationGracePeriodSeconds'] ?? 30);
}

function finalizersFor(object: Readonly<KubeObject>, options: DeleteOptions): string[] {
  const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== foreground && one !== orphan);
  if (options.propagationPolicy === 'Foreground') finalizers.push(foreground);
  if (options.propagationPolicy === 'Orphan') finalizers.push(orphan);
  return finalizers;
}

function isNamespace(location: Location): boolean {
  return location.resource.group === '' && location.resource.kind === 'Namespace';
}

function marked(location: Location, object: Readonly<KubeObject>, grace: number, finalizers: string[]): KubeObject {
  const next: KubeObject = structuredClone(object);
  const { metadata } = next;
  metadata.deletionTimestamp = timestamp(new Date(Date.now() + grace * 1000));
  metadata.deletionGracePeriodSeconds = grace;
  if (metadata.generation !== undefined && object.metadata.deletionTimestamp === undefined) metadata.generation += 1;
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  if (isNamespace(location)) next['status'] = { ...objectAt(next, 'status'), phase: 'Terminating' };
  return next;
}

function checkPreconditions(location: Location, object: Readonly<KubeObject>, options: DeleteOptions): void {
  const { uid = '', resourceVersion = '' } = object.metadata;
  const target = targetOf(location.resource);
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`;
    throw conflict(target, location.name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`;
    throw conflict(target, location.name, why);
  }
}

/** What a deletion comes to, before anything is written. */
function planDeletion(
  location: Location,
  object: Readonly<KubeObject>,
  options: DeleteOptions,
): 'remove' | 'keep' | KubeObject {
  const grace = gracePeriod(location, object, options);
  const { deletionTimestamp, deletionGracePeriodSeconds = Infinity } = object.metadata;
  const already = deletionTimestamp !== undefined;
  const finalizers = already ? (object.metadata.finalizers ?? []) : finalizersFor(object, options);
  if (finalizers.length === 0 && grace === 0 && !isNamespace(location)) return 'remove';
  // Deleting again changes nothing but that a pod may get less time.
  return already && grace >= deletionGracePeriodSeconds ? 'keep' : marked(location, object, grace, finalizers);
}

/**
 * Deletes an object, or marks it when finalizers, a pod's grace period or the content of a namespace hold it.
 * Answers the marked object, or undefined when it is gone. Throws StatusError 404 and 409.
 */
export function deleteObject(state: ClusterState, location: Location, options: DeleteOptions): KubeObject | undefined {
  const resource = storageKey(location.resource);
  const entry = state.store.get(resource, keyOf(location));
  if (!entry) throw notFound(targetOf(location.resource), location.name);
  checkPreconditions(location, entry.object, options);
  const plan = planDeletion(location, entry.object, options);
  if (plan === 'remove') {
    if (!options.dryRun) state.store.delete(resource, keyOf(location));
    return undefined;
  }
  if (plan === 'keep') return structuredClone(entry.object);
  return options.dryRun ? plan : state.store.put(resource, keyOf(location), plan).object;
}

/** Removes an object that was marked for deletion and that nothing holds any more. */
export function finishDeletion(state: ClusterState, location: Location, next: KubeObject): boolean {
  const { deletionTimestamp, finalizers = [], deletionGracePeriodSeconds = 0 } = next.metadata;
  const held = deletionTimestamp === undefined || finalizers.length > 0 || deletionGracePeriodSeconds > 0;
  if (held || isNamespace(location)) return false;
  state.store.delete(storageKey(location.resource), keyOf(location));
  return true;
}

/** The Status that answers a deletion which is done. */
export function deletedStatus(location: Location, uid: string | undefined): JsonObject {
  const { resource, name } = location;
  const details = { name, group: resource.group || undefined, kind: resource.plural, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}
