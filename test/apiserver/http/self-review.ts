import { isAdministrator } from '../auth/authorize.ts';
import type { User } from '../auth/tokens.ts';
import type { Json, JsonObject } from '../json.ts';
import { isObject, objectAt, stringAt } from '../json.ts';
import type { Service } from './exchange.ts';

const reviews = [
  '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
  '/apis/authentication.k8s.io/v1/selfsubjectreviews',
];

export function isSelfReview(path: string): boolean {
  return reviews.includes(path);
}

/** Answers "who am I" and "may I" (`kubectl auth whoami`, `kubectl auth can-i`). Nothing is stored. */
export function selfReview(service: Service, user: User, path: string, body: Json): JsonObject {
  const review = isObject(body) ? body : {};
  if (path === reviews[1]) {
    return { ...review, status: { userInfo: { username: user.name, groups: user.groups, extra: user.extra } } };
  }
  const asked = objectAt(objectAt(review, 'spec'), 'resourceAttributes');
  const word = (name: string): string => stringAt(asked, name) ?? '';
  const attributes = {
    ...{ user, verb: word('verb'), group: word('group'), resource: word('resource'), subresource: word('subresource') },
    ...{ namespace: word('namespace'), name: word('name'), path: '' },
  };
  const allowed = !service.authorizer || isAdministrator(user) || service.authorizer(attributes);
  return { ...review, status: { allowed } };
}
