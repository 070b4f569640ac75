import type { JsonObject, KubeObject } from '../json.ts';
import { objectAt, stringAt, textOf } from '../json.ts';
import { storageKey, targetOf } from '../resources.ts';
import { badRequest, internal, methodNotAllowed, notFound, unknownPath } from '../status.ts';
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

/** Answers the subresources that are not /status. Throws StatusError 404 for those this server does not have. */
export async function subresource(exchange: Exchange, path: ResourcePath, verb: string): Promise<void> {
  if (path.resource.plural === 'pods' && path.subresource === 'exec') {
    existing(exchange, path);
    // The words of a kube-apiserver that does not reach a kubelet.
    if (!exchange.service.exec) throw internal('error dialing backend: there is no kubelet');
    throw badRequest('Upgrade request required');
  }
  if (path.subresource !== 'scale' || !path.resource.scale) throw unknownPath();
  await scale(exchange, path, verb);
}
