import { isUrlAllowed } from '../auth/authorize.ts';
import { isObject, listAt, objectAt, stringAt } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { apiVersionOf } from '../resources.ts';
import { badRequest, methodNotAllowed } from '../status.ts';
import type { Exchange, Service } from './exchange.ts';
import { readJson } from './request.ts';
import type { ResourcePath } from './request.ts';
import { sendJson } from './respond.ts';

/** Answers a TokenReview, or a SubjectAccessReview of a path that is no resource's. @throws StatusError */
export async function answerReview(
  { service, request, response }: Exchange,
  { resource, name }: ResourcePath,
  verb: string,
): Promise<void> {
  if (verb !== 'create' || name !== '') throw methodNotAllowed();
  const review = await readJson(request);
  const spec = isObject(review) ? objectAt(review, 'spec') : {};
  const status = resource.kind === 'TokenReview' ? whoHas(spec, service) : mayUse(spec, service);
  sendJson(response, 201, { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata: {}, spec, status });
}

function whoHas(spec: JsonObject, { tokens }: Service): JsonObject {
  const token = stringAt(spec, 'token') ?? '';
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const user = tokens.verify(token);
  if (!user) return { user: {}, error: '[invalid bearer token]' };
  const { name: username, groups, extra } = user;
  return { authenticated: true, user: { username, groups, extra } };
}

function mayUse(spec: JsonObject, { state }: Service): JsonObject {
  const { path, verb } = objectAt(spec, 'nonResourceAttributes');
  if (typeof path !== 'string' || typeof verb !== 'string') {
    throw badRequest('a SubjectAccessReview of this server is about nonResourceAttributes with path and verb');
  }
  const user = { name: stringAt(spec, 'user') ?? '', groups: listAt(spec, 'groups').map(String), extra: {} };
  return { allowed: isUrlAllowed(user, { path, verb }, state.store) };
}
