import type { JsonObject, KubeObject } from '../json.ts';
import { listAt, objectAt, stringAt, textOf, timestamp } from '../json.ts';
import { serviceAccountGroups } from '../auth/tokens.ts';
import { apiVersionOf, storageKey, targetOf } from '../resources.ts';
import { methodNotAllowed, notFound, unknownPath } from '../status.ts';
import { mergePatch } from '../fields/patch.ts';
import { represent } from '../view/represent.ts';
import { keyOf } from '../write/options.ts';
import type { WriteOptions } from '../write/options.ts';
import { updateObject } from '../write/write.ts';
import type { Exchange } from './exchange.ts';
import type { ResourcePath } from './request.ts';
import { readJson } from './request.ts';
import { sendJson } from './respond.ts';

function existing(exchange: Exchange, path: ResourcePath): KubeObject {
  const entry = exchange.service.state.store.get(storageKey(path.resource), keyOf(path));
  if (!entry) throw notFound(targetOf(path.resource), path.name);
  return represent(path.resource, entry.object);
}

function selectorText(object: KubeObject): string {
  const labels = objectAt(objectAt(objectAt(object, 'spec'), 'selector'), 'matchLabels');
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${textOf(value)}`)
    .join(',');
}

function toScale(object: KubeObject): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: objectAt(object, 'spec')['replicas'] ?? 0 },
    status: { replicas: objectAt(object, 'status')['replicas'] ?? 0, selector: selectorText(object) },
  };
}

const plainUpdate: WriteOptions = {
  dryRun: false,
  fieldManager: 'kubectl',
  fieldValidation: 'Ignore',
  subresource: '',
  force: false,
};

async function scale(exchange: Exchange, path: ResourcePath, verb: string): Promise<void> {
  const object = existing(exchange, path);
  if (verb === 'get') {
    sendJson(exchange.response, 200, toScale(object));
    return;
  }
  if (verb !== 'update' && verb !== 'patch') throw methodNotAllowed();
  const body = await readJson(exchange.request);
  const wanted = verb === 'patch' ? mergePatch(toScale(object), body) : body;
  const replicas = objectAt(wanted, 'spec')['replicas'];
  const resourceVersion = stringAt(objectAt(wanted, 'metadata'), 'resourceVersion');
  const next = structuredClone(object);
  next['spec'] = { ...objectAt(next, 'spec'), replicas };
  if (resourceVersion !== undefined) next.metadata.resourceVersion = resourceVersion;
  const options = { ...plainUpdate, fieldManager: exchange.query.get('fieldManager') ?? plainUpdate.fieldManager };
  sendJson(exchange.response, 200, toScale(updateObject(exchange.service.state, path, next, options).object));
}

/** The node of the pod that a token is bound to, as in the claims of the real server. */
function boundTo(exchange: Exchange, path: ResourcePath, spec: JsonObject): Record<string, string[]> {
  const bound = objectAt(spec, 'boundObjectRef');
  const name = stringAt(bound, 'name');
  if (bound['kind'] === 'Node' && name !== undefined) return { 'authentication.kubernetes.io/node-name': [name] };
  if (bound['kind'] !== 'Pod' || name === undefined) return {};
  const pod = exchange.service.state.store.get('/pods', `${path.namespace}/${name}`)?.object;
  const node = stringAt(objectAt(pod, 'spec'), 'nodeName');
  return {
    'authentication.kubernetes.io/pod-name': [name],
    ...(node === undefined ? {} : { 'authentication.kubernetes.io/node-name': [node] }),
  };
}

async function token(exchange: Exchange, path: ResourcePath): Promise<void> {
  const { service, request, response } = exchange;
  existing(exchange, path);
  const body = await readJson(request);
  const spec = objectAt(body, 'spec');
  const seconds = Number(spec['expirationSeconds'] ?? 3600);
  const user = {
    name: `system:serviceaccount:${path.namespace}:${path.name}`,
    groups: serviceAccountGroups(path.namespace),
    extra: boundTo(exchange, path, spec),
  };
  const status = {
    token: service.tokens.issue(user, seconds),
    expirationTimestamp: timestamp(new Date(Date.now() + seconds * 1000)),
  };
  const metadata = { name: path.name, namespace: path.namespace };
  sendJson(response, 201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata,
    spec: { audiences: listAt(spec, 'audiences'), expirationSeconds: seconds },
    status,
  });
}

/** pods/binding: what a scheduler posts. */
async function bind(exchange: Exchange, path: ResourcePath): Promise<void> {
  const body = await readJson(exchange.request);
  const next = structuredClone(existing(exchange, path));
  const nodeName = stringAt(objectAt(body, 'target'), 'name');
  next['spec'] = { ...objectAt(next, 'spec'), nodeName };
  updateObject(exchange.service.state, path, next, { ...plainUpdate, fieldManager: 'scheduler' });
  sendJson(exchange.response, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

/** Answers the subresources that are not /status. Throws StatusError 404 for those this server does not have. */
export async function subresource(exchange: Exchange, path: ResourcePath, verb: string): Promise<void> {
  const name = `${apiVersionOf(path.resource)}/${path.resource.plural}/${path.subresource}`;
  if (path.subresource === 'scale' && path.resource.scale) await scale(exchange, path, verb);
  else if (name === 'v1/serviceaccounts/token' && verb === 'create') await token(exchange, path);
  else if (name === 'v1/pods/binding' && verb === 'create') await bind(exchange, path);
  else throw unknownPath();
}
