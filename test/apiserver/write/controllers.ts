import type { ClusterState } from '../cluster-state.ts';
import type { KubeObject, Metadata } from '../json.ts';
import { storageKey } from '../resources.ts';
import type { Change } from '../store/store.ts';
import { deleteObject, finishDeletion, foreground, orphan } from './deletion.ts';
import type { Location } from './options.ts';

const background = {
  dryRun: false,
  gracePeriodSeconds: undefined,
  propagationPolicy: 'Background',
  uid: undefined,
  resourceVersion: undefined,
};

interface Place {
  resource: string;
  key: string;
}

/**
 * The two controllers without which deletions do not end: the garbage collector (dependents go when all their owners are
 * gone) and the namespace controller (a terminating namespace is emptied, then removed). In a real cluster they live in
 * kube-controller-manager.
 */
export class Controllers {
  readonly #state: ClusterState;
  readonly #objects = new Map<string, Place>();
  readonly #dependents = new Map<string, Set<string>>();
  readonly #unsubscribe: () => void;
  readonly #queue = new Set<() => void>();

  constructor(state: ClusterState) {
    this.#state = state;
    for (const resource of state.store.resources()) {
      for (const entry of state.store.list(resource)) this.#index(resource, entry.key, entry.object);
    }
    this.#unsubscribe = state.store.subscribe('*', (change) => this.#follow(change));
  }

  stop(): void {
    this.#unsubscribe();
    this.#queue.clear();
  }

  #index(resource: string, key: string, object: Readonly<KubeObject>): void {
    const { uid = '', ownerReferences = [] } = object.metadata;
    this.#objects.set(uid, { resource, key });
    for (const owner of ownerReferences) {
      const dependents = this.#dependents.get(owner.uid) ?? new Set();
      this.#dependents.set(owner.uid, dependents.add(uid));
    }
  }

  #follow(change: Change): void {
    if (change.current) this.#followWrite(change.resource, change.key, change.current.object);
    else if (change.previous) this.#followRemoval(change.previous.object.metadata);
  }

  #followWrite(resource: string, key: string, object: Readonly<KubeObject>): void {
    this.#index(resource, key, object);
    const { uid = '', ownerReferences = [], deletionTimestamp } = object.metadata;
    if (ownerReferences.length > 0) this.#later(() => this.#collect(uid));
    if (deletionTimestamp !== undefined) this.#later(() => this.#continueDeletion(resource, key));
  }

  #followRemoval({ uid = '', ownerReferences = [], namespace }: Metadata): void {
    this.#objects.delete(uid);
    for (const owner of ownerReferences) {
      this.#dependents.get(owner.uid)?.delete(uid);
      this.#later(() => this.#finishForeground(owner.uid));
    }
    if (this.#dependents.has(uid)) this.#later(() => this.#collectDependents(uid));
    if (namespace !== undefined) this.#later(() => this.#emptyNamespace(namespace));
  }

  /** Work is done after the write that caused it has been answered, as in a real cluster. */
  #later(work: () => void): void {
    this.#queue.add(work);
    setImmediate(() => {
      if (this.#queue.delete(work)) work();
    });
  }

  #object(uid: string): { place: Place; object: Readonly<KubeObject> } | undefined {
    const place = this.#objects.get(uid);
    const entry = place && this.#state.store.get(place.resource, place.key);
    return place && entry?.object.metadata.uid === uid ? { place, object: entry.object } : undefined;
  }

  #location(place: Place): Location | undefined {
    const resource = this.#state.registry.findStored(place.resource);
    if (!resource) return undefined;
    const slash = place.key.indexOf('/');
    return { resource, namespace: slash < 0 ? '' : place.key.slice(0, slash), name: place.key.slice(slash + 1) };
  }

  #collectDependents(owner: string): void {
    for (const uid of this.#dependents.get(owner) ?? []) this.#collect(uid);
    this.#dependents.delete(owner);
  }

  /** Deletes an object none of whose owners exist. */
  #collect(uid: string): void {
    const found = this.#object(uid);
    const owners = found?.object.metadata.ownerReferences ?? [];
    if (!found || owners.length === 0 || owners.some((owner) => this.#objects.has(owner.uid))) return;
    this.#delete(found.place, found.object);
  }

  #delete(place: Place, object: Readonly<KubeObject>): void {
    const location = this.#location(place);
    if (location && object.metadata.deletionTimestamp === undefined) deleteObject(this.#state, location, background);
  }

  #continueDeletion(resource: string, key: string): void {
    const { uid = '', finalizers = [] } = this.#state.store.get(resource, key)?.object.metadata ?? {};
    if (finalizers.includes(orphan)) this.#orphanDependents(uid);
    if (finalizers.includes(foreground)) this.#deleteDependents(uid);
    if (resource === '/namespaces') this.#emptyNamespace(key);
  }

  #deleteDependents(owner: string): void {
    for (const uid of this.#dependents.get(owner) ?? []) {
      const found = this.#object(uid);
      if (found) this.#delete(found.place, found.object);
    }
    this.#finishForeground(owner);
  }

  #orphanDependents(owner: string): void {
    for (const uid of this.#dependents.get(owner) ?? []) {
      const found = this.#object(uid);
      if (!found) continue;
      const next = structuredClone(found.object);
      next.metadata.ownerReferences = (next.metadata.ownerReferences ?? []).filter((one) => one.uid !== owner);
      if (next.metadata.ownerReferences.length === 0) delete next.metadata.ownerReferences;
      this.#state.store.put(found.place.resource, found.place.key, next);
    }
    this.#dependents.delete(owner);
    this.#removeFinalizer(owner, orphan);
  }

  #finishForeground(owner: string): void {
    if ((this.#dependents.get(owner)?.size ?? 0) === 0) this.#removeFinalizer(owner, foreground);
  }

  #removeFinalizer(uid: string, finalizer: string): void {
    const found = this.#object(uid);
    if (!found?.object.metadata.finalizers?.includes(finalizer)) return;
    const next = structuredClone(found.object);
    next.metadata.finalizers = (next.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    const location = this.#location(found.place);
    if (!location || finishDeletion(this.#state, location, next)) return;
    this.#state.store.put(found.place.resource, found.place.key, next);
  }

  /** Deletes what is left in a terminating namespace, and the namespace once nothing is. */
  #emptyNamespace(name: string): void {
    const namespace = this.#state.store.get('/namespaces', name);
    if (namespace?.object.metadata.deletionTimestamp === undefined) return;
    let left = 0;
    for (const resource of this.#state.registry
      .values()
      .filter((one) => one.namespaced && one.storedAs === undefined)) {
      for (const entry of this.#state.store.list(storageKey(resource), { namespace: name })) {
        this.#delete({ resource: storageKey(resource), key: entry.key }, entry.object);
        if (this.#state.store.get(storageKey(resource), entry.key)) left += 1;
      }
    }
    if (left === 0) this.#state.store.delete('/namespaces', name);
  }
}
