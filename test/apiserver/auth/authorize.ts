import { StatusError } from '../status.ts';
import type { User } from './tokens.ts';

/** What somebody wants to do, in the words of authorization.k8s.io. */
export interface Attributes {
  user: User;
  /** get, list, watch, create, update, patch, delete, deletecollection. */
  verb: string;
  group: string;
  /** The plural; empty for paths that are no resources. */
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  path: string;
}

/** Decides whether a request may go on. */
export type Authorizer = (attributes: Attributes) => boolean;

function scope(attributes: Attributes): string {
  return attributes.namespace ? `in the namespace "${attributes.namespace}"` : 'at the cluster scope';
}

/** 403 in the words of the real server. */
export function denied(attributes: Attributes): StatusError {
  const { user, verb, group, resource, subresource, name, path } = attributes;
  if (resource === '') {
    const message = `forbidden: User "${user.name}" cannot ${verb} path "${path}"`;
    return new StatusError(403, 'Forbidden', message, {});
  }
  const plural = subresource ? `${resource}/${subresource}` : resource;
  const qualified = group ? `${resource}.${group}` : resource;
  const object = name ? `${qualified} "${name}"` : qualified;
  const why = `User "${user.name}" cannot ${verb} resource "${plural}" in API group "${group}" ${scope(attributes)}`;
  const details = { name: name || undefined, group: group || undefined, kind: resource };
  return new StatusError(403, 'Forbidden', `${object} is forbidden: ${why}`, details);
}

/** Administrators may do anything, as in the real server. */
export function isAdministrator(user: User): boolean {
  return user.groups.includes('system:masters');
}
