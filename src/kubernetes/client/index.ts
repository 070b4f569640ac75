export { ApiClient } from './client.ts';
export type { ApplyOptions, DeleteOptions, RequestOptions } from './client.ts';
export { ApiError, ConnectionError, isConflict, isGone, isNotFound, toError } from './errors.ts';
export { LineSplitter } from './line-splitter.ts';
export { resourcePath, withQuery } from './paths.ts';
export type { Query, ResourceLocation } from './paths.ts';
export { Transport } from './transport.ts';
export { objectKey } from './types.ts';
export type { KubernetesObject, ObjectList, ObjectMeta, OwnerReference, Status, WatchEvent } from './types.ts';
