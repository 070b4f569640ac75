import { randomUUID } from 'node:crypto';
import type { ClusterState } from './cluster-state.ts';
import type { KubeObject } from './json.ts';
import { timestamp } from './json.ts';
import { storageKey } from './resources.ts';

/**
 * Puts objects into the store as they are: no defaults, no validation, no owners of fields. For large clusters and for
 * objects that the API would refuse. Throws an Error for a kind that is not served.
 */
export function loadObjects(state: ClusterState, objects: Iterable<KubeObject>): void {
  for (const object of objects) {
    const resource = state.registry.findKind(object.apiVersion, object.kind);
    if (!resource) throw new Error(`no resource for ${object.apiVersion} ${object.kind}`);
    const metadata = { uid: randomUUID(), creationTimestamp: timestamp(), ...object.metadata };
    const namespace = resource.namespaced ? (metadata.namespace ??= 'default') : '';
    const key = namespace ? `${namespace}/${metadata.name}` : metadata.name;
    state.store.put(storageKey(resource), key, { ...object, metadata });
  }
}
