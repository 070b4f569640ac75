/** The parts of Kubernetes' object model that every resource shares. Field names are the API's own. */

/** metav1.OwnerReference. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** metav1.ObjectMeta, as far as this project reads it. Times are RFC 3339. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown;
}

/** Anything the API server stores. Items of a list carry neither apiVersion nor kind. */
export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/**
 * One event of a watch. A BOOKMARK's object has nothing but `metadata.resourceVersion`. ERROR events are not passed
 * on: {@link ApiClient.watch} throws them as an ApiError.
 */
export interface WatchEvent<T = KubernetesObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
}

/** What a complete list came to: its items and the version of the collection to watch from. */
export interface ObjectList<T = KubernetesObject> {
  items: T[];
  resourceVersion: string;
}

/** metav1.Status, as error answers and ERROR events carry it. */
export interface ApiStatus {
  code?: number;
  reason?: string;
  message?: string;
  details?: { retryAfterSeconds?: number; causes?: { reason?: string; message?: string; field?: string }[] };
}

/** `namespace/name`, or only `name` for a cluster-scoped object: the key of an object within its collection. */
export function objectKey(metadata: { namespace?: string; name: string }): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}
