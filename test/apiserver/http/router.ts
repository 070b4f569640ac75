import type { IncomingMessage, ServerResponse } from 'node:http';
import { authenticate } from '../auth/authenticate.ts';
import { nameOf, verbOf } from '../auth/authorize.ts';
import type { JsonObject } from '../json.ts';
import { storageKey } from '../resources.ts';
import { internal, methodNotAllowed, StatusError, unauthorized, unknownPath } from '../status.ts';
import {
  aggregated,
  aggregatedType,
  apiGroup,
  apiGroups,
  coreVersions,
  groupsOf,
  resourceList,
} from '../view/discovery.ts';
import { openApiDocument, openApiIndex, openApiV2, openApiV2Type } from '../view/openapi.ts';
import { keyOf } from '../write/options.ts';
import { patchTypes } from '../write/write.ts';
import type { Exchange, Service } from './exchange.ts';
import { permit } from './permission.ts';
import { contentType, parseResourcePath } from './request.ts';
import type { ResourcePath } from './request.ts';
import { handleResource } from './resource-handler.ts';
import { sendJson, sendStatus, sendText } from './respond.ts';

const version = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.0+nftproxy-test',
  gitCommit: 'none',
  gitTreeState: 'clean',
  buildDate: '2025-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'linux/amd64',
};

const healthPaths = new Set(['/healthz', '/readyz', '/livez']);

/** Paths that need no credentials: health and the version. Answers whether it was one. */
function answerPublic(path: string, response: ServerResponse): boolean {
  if (healthPaths.has(path)) sendText(response, 200, 'ok');
  else if (path === '/version' || path === '/version/') sendJson(response, 200, version);
  else return false;
  return true;
}

function wantsAggregated(exchange: Exchange): boolean {
  const accept = exchange.request.headers.accept ?? '';
  return accept.split(',').some((one) => one.includes('as=APIGroupDiscoveryList') && /;v=v2(;|$)/.test(one));
}

function openApi(exchange: Exchange): boolean {
  const { path, response, service } = exchange;
  const { registry } = service.state;
  if (path === '/openapi/v2') {
    const accept = exchange.request.headers.accept ?? '';
    if (accept.includes('protobuf')) {
      response.writeHead(200, { 'content-type': openApiV2Type });
      response.end(openApiV2());
    } else sendJson(response, 200, { swagger: '2.0', info: { title: 'Kubernetes', version: 'v1.32.0' }, paths: {} });
    return true;
  }
  if (path === '/openapi/v3') {
    sendJson(response, 200, openApiIndex(registry));
    return true;
  }
  const match = /^\/openapi\/v3\/apis?\/(?:([^/]+)\/)?([^/]+)$/.exec(path);
  if (!match) return false;
  sendOr404(exchange, openApiDocument(registry, match[1] ?? '', match[2] ?? ''));
  return true;
}

function sendOr404(exchange: Exchange, body: JsonObject | undefined): void {
  if (!body) throw unknownPath();
  sendJson(exchange.response, 200, body);
}

/** Discovery of all groups: /api and /apis. */
function discoverGroups(exchange: Exchange, core: boolean): void {
  const { response, service } = exchange;
  const { registry } = service.state;
  const groups = core ? [''] : groupsOf(registry);
  if (wantsAggregated(exchange)) sendJson(response, 200, aggregated(registry, groups), aggregatedType);
  else sendJson(response, 200, core ? coreVersions(service.address) : apiGroups(registry));
}

/** Discovery of groups, versions and resources. Answers whether the path was one of its. */
function discovery(exchange: Exchange): boolean {
  const { registry } = exchange.service.state;
  const [, root, first, second, more] = exchange.path.split('/');
  if ((root !== 'api' && root !== 'apis') || more !== undefined) return false;
  const core = root === 'api';
  if (core && second !== undefined) return false;
  if (first === undefined) discoverGroups(exchange, core);
  else if (core) sendOr404(exchange, resourceList(registry, '', first));
  else sendOr404(exchange, second === undefined ? apiGroup(registry, first) : resourceList(registry, first, second));
  return true;
}

/** Why a path that nobody answers is refused. */
function refuse(exchange: Exchange): StatusError {
  const { path, request } = exchange;
  const { method = 'GET' } = request;
  if (path.startsWith('/api')) return unknownPath();
  return method === 'GET' ? unknownPath() : methodNotAllowed();
}

function authorize({ request, query, user, service }: Exchange, path: ResourcePath): void {
  const watch = ['1', 'true'].includes(query.get('watch') ?? '');
  const name = nameOf(path, query.get('fieldSelector'));
  const verb = verbOf(request.method ?? 'GET', path, watch);
  permit(service, user, { ...path, name, verb });
  // Server-side apply makes what is not there, and then takes the permission to create, too (patch.go of the real one).
  if (verb !== 'patch' || path.subresource !== '' || contentType(request) !== patchTypes.apply) return;
  if (!service.state.store.get(storageKey(path.resource), keyOf(path)))
    permit(service, user, { ...path, verb: 'create' });
}

async function answer(exchange: Exchange): Promise<void> {
  const { path, service, request } = exchange;
  if (request.method === 'GET' && (openApi(exchange) || discovery(exchange))) return;
  const resourcePath = parseResourcePath(path, service.state.registry);
  if (!resourcePath) throw refuse(exchange);
  authorize(exchange, resourcePath);
  await handleResource(exchange, resourcePath);
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    // Too late for a Status: the client sees a broken answer instead of a complete wrong one.
    response.destroy(error instanceof Error ? error : undefined);
  } else if (error instanceof StatusError) sendStatus(response, error);
  else sendStatus(response, internal(error instanceof Error ? (error.stack ?? error.message) : String(error)));
}

/** Answers one HTTP request; whatever goes wrong becomes a Status. */
export async function handle(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'https://server');
    const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname;
    if (answerPublic(path, response)) return;
    const user = authenticate(request, service.tokens);
    if (!user) throw unauthorized();
    await answer({ service, request, response, path, query: url.searchParams, user });
  } catch (error) {
    sendError(response, error);
  }
}
