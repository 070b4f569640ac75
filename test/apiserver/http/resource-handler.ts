import type { Json, JsonObject, KubeObject } from '../json.ts';
import { storageKey, targetOf } from '../resources.ts';
import { badRequest, methodNotAllowed, notFound, StatusError, unknownPath } from '../status.ts';
import { entryText } from '../view/represent.ts';
import type { IncludeObject } from '../view/table.ts';
import { partialMetadata, toTable } from '../view/table.ts';
import { deletedStatus, deleteObject, deleteOptions } from '../write/deletion.ts';
import type { Location, WriteOptions, Written } from '../write/options.ts';
import { keyOf } from '../write/options.ts';
import { createObject, patchObject, patchTypes, updateObject } from '../write/write.ts';
import type { Exchange } from './exchange.ts';
import { listPage, selectionOf } from './list.ts';
import { acceptedForm } from './negotiation.ts';
import type { ResourcePath } from './request.ts';
import { contentType, readJson } from './request.ts';
import { addWarnings, pageMetadata, sendJson, sendList } from './respond.ts';
import { answerReview } from './reviews.ts';
import { subresource } from './subresources.ts';
import { isTrue, watchOptions, WatchStream } from './watch.ts';

function verbOf(exchange: Exchange, path: ResourcePath): string {
  const { method = 'GET' } = exchange.request;
  const collection = path.name === '';
  if (method === 'GET' || method === 'HEAD') {
    if (isTrue(exchange.query.get('watch'))) return 'watch';
    return collection ? 'list' : 'get';
  }
  if (method === 'DELETE') return collection ? 'deletecollection' : 'delete';
  return { POST: 'create', PUT: 'update', PATCH: 'patch' }[method] ?? method.toLowerCase();
}

/** A user agent such as "kubectl/v1.32.4 (linux/amd64)" names the manager of fields when the request does not. */
function managerOf(exchange: Exchange): string {
  const agent = exchange.request.headers['user-agent'] ?? 'unknown';
  return exchange.query.get('fieldManager') ?? agent.split('/')[0]?.slice(0, 128) ?? 'unknown';
}

function validationOf(text: string | null): WriteOptions['fieldValidation'] {
  if (text === null || text === '' || text === 'Warn') return 'Warn';
  if (text === 'Strict' || text === 'Ignore') return text;
  throw badRequest(`invalid fieldValidation "${text}"; supported values: "Ignore", "Warn", "Strict"`);
}

function writeOptions(exchange: Exchange, path: ResourcePath): WriteOptions {
  const { query } = exchange;
  return {
    dryRun: query.has('dryRun'),
    fieldManager: managerOf(exchange),
    fieldValidation: validationOf(query.get('fieldValidation')),
    subresource: path.subresource === 'status' ? 'status' : '',
    force: isTrue(query.get('force')),
  };
}

function sendObject(exchange: Exchange, location: Location, object: Readonly<KubeObject>, code = 200): void {
  const form = acceptedForm(exchange.request.headers.accept);
  const { response, query } = exchange;
  const include = (query.get('includeObject') ?? 'Metadata') as IncludeObject;
  const { resourceVersion } = object.metadata;
  if (form === 'table') sendJson(response, code, toTable(location.resource, [object], { resourceVersion }, include));
  else sendJson(response, code, form === 'metadata' ? partialMetadata(object) : object);
}

function get(exchange: Exchange, location: Location): void {
  const { service, response, request } = exchange;
  const entry = service.state.store.get(storageKey(location.resource), keyOf(location));
  if (!entry) throw notFound(targetOf(location.resource), location.name);
  if (acceptedForm(request.headers.accept) !== 'object') {
    sendObject(exchange, location, entry.object);
    return;
  }
  const text = entryText(location.resource, entry);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function list(exchange: Exchange, path: ResourcePath): void {
  const { service, query, request, response } = exchange;
  const { resource } = path;
  const form = acceptedForm(request.headers.accept);
  const page = listPage(service.state, selectionOf(resource, path.namespace, '', query), query);
  if (form === 'object') {
    sendList(response, resource, page);
    return;
  }
  const objects = page.entries.map((entry) => entry.object);
  const metadata = pageMetadata(page);
  const items = objects.map(partialMetadata);
  const table = (): JsonObject =>
    toTable(resource, objects, metadata, (query.get('includeObject') ?? 'Metadata') as IncludeObject);
  const partial = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items };
  sendJson(response, 200, form === 'table' ? table() : partial);
}

function watch(exchange: Exchange, path: ResourcePath): void {
  const { service, query, request, response } = exchange;
  const options = watchOptions(query, acceptedForm(request.headers.accept));
  const selection = selectionOf(path.resource, path.namespace, path.name, query);
  const stream = new WatchStream(service.state, selection, response, options);
  response.on('close', () => service.watches.delete(stream));
  try {
    stream.start(service.bookmarks, () => service.disturbances.get(path.resource.plural));
    service.watches.add(stream);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    stream.open();
    stream.fail(error);
  }
}

function sendWritten(exchange: Exchange, location: Location, written: Written): void {
  addWarnings(exchange.response, written.warnings);
  sendObject(exchange, location, written.object, written.created ? 201 : 200);
}

function remove(exchange: Exchange, location: Location, body: Json): void {
  const { state } = exchange.service;
  const uid = state.store.get(storageKey(location.resource), keyOf(location))?.object.metadata.uid;
  const left = deleteObject(state, location, deleteOptions(body, exchange.query));
  if (left) sendJson(exchange.response, 200, left);
  else sendJson(exchange.response, 200, deletedStatus(location, uid));
}

function removeCollection(exchange: Exchange, path: ResourcePath, body: Json): void {
  const { state } = exchange.service;
  const { resource, namespace } = path;
  const page = listPage(state, selectionOf(resource, namespace, '', exchange.query), exchange.query);
  const options = deleteOptions(body, exchange.query);
  for (const { object } of page.entries) {
    deleteObject(state, { resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name }, options);
  }
  sendList(exchange.response, resource, page);
}

async function write(exchange: Exchange, path: ResourcePath, verb: string): Promise<void> {
  const { state } = exchange.service;
  const body = await readJson(exchange.request);
  const options = writeOptions(exchange, path);
  if (verb === 'create') {
    if (path.name !== '') throw methodNotAllowed();
    const written = createObject(state, path, body, options);
    sendWritten(exchange, path, written);
  } else if (verb === 'update') sendWritten(exchange, path, updateObject(state, path, body, options));
  else if (verb === 'patch') {
    const type = contentType(exchange.request);
    if (type === patchTypes.apply && !exchange.query.get('fieldManager')) {
      throw badRequest(
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      );
    }
    sendWritten(exchange, path, patchObject(state, path, { patch: body, type }, options));
  } else if (verb === 'delete') remove(exchange, path, body);
  else if (verb === 'deletecollection') removeCollection(exchange, path, body);
  else throw methodNotAllowed();
}

/** Names the namespace that a namespaced request needs; the lack of it is an unknown path to the real server. */
function checkScope(path: ResourcePath, verb: string): void {
  const collection = path.name === '' && ['list', 'watch', 'deletecollection'].includes(verb);
  if (path.resource.namespaced && path.namespace === '' && !collection) throw methodNotAllowed();
  if (path.name === '' && ['update', 'patch'].includes(verb)) throw methodNotAllowed();
}

/** Answers a request for a resource. Throws StatusError. */
export async function handleResource(exchange: Exchange, path: ResourcePath): Promise<void> {
  const verb = verbOf(exchange, path);
  checkScope(path, verb);
  if (path.resource.review) {
    await answerReview(exchange, path, verb);
    return;
  }
  if (path.subresource !== '' && path.subresource !== 'status') {
    await subresource(exchange, path, verb);
    return;
  }
  if (path.subresource === 'status' && (!path.resource.status || !['get', 'update', 'patch'].includes(verb))) {
    throw unknownPath();
  }
  if (verb === 'get') get(exchange, path);
  else if (verb === 'list') list(exchange, path);
  else if (verb === 'watch') watch(exchange, path);
  else await write(exchange, path, verb);
}
