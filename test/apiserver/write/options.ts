import type { KubeObject } from '../json.ts';
import type { Writer } from '../fields/managers.ts';
import type { Resource } from '../resources.ts';

/** Where a request points: an object, or with `name` empty the collection of a namespace. */
export interface Location {
  resource: Resource;
  /** Empty for cluster-scoped resources. */
  namespace: string;
  name: string;
}

export function keyOf(location: Location): string {
  return location.resource.namespaced ? `${location.namespace}/${location.name}` : location.name;
}

/** The query parameters of a write. */
export interface WriteOptions {
  dryRun: boolean;
  /** Who owns the fields that change. */
  fieldManager: string;
  fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  subresource: '' | 'status';
  force: boolean;
}

/** What a write came to. */
export interface Written {
  /** As the requested version of the API shows it. */
  object: KubeObject;
  created: boolean;
  /** For the Warning headers of the answer. */
  warnings: string[];
}

export function writerOf(location: Location, options: WriteOptions, apiVersion: string, apply: boolean): Writer {
  return {
    name: options.fieldManager,
    operation: apply ? 'Apply' : 'Update',
    apiVersion,
    subresource: location.resource.status ? options.subresource : '',
  };
}
