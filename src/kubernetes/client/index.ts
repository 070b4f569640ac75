export { ApiClient } from './client.ts';
export type { ApiClientOptions, ApplyOptions, DeleteOptions, RequestOptions } from './client.ts';
export { ApiError, ConnectionError, isConflict, isGone, isNotFound, toError } from './errors.ts';
export { resourcePath } from './paths.ts';
export type { QueryParameters } from './paths.ts';
export { Transport } from './transport.ts';
export { objectKey } from './types.ts';
export type { KubernetesObject, ObjectMeta, OwnerReference, WatchEvent } from './types.ts';
