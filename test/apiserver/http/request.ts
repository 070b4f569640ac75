import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import type { Json } from '../json.ts';
import type { Registry, Resource } from '../resources.ts';
import { badRequest, tooLarge, unsupportedMediaType } from '../status.ts';

/** A path that names a resource, an object or a subresource. */
export interface ResourcePath {
  resource: Resource;
  namespace: string;
  name: string;
  subresource: string;
}

/** The group, the version and what follows them in a path; undefined for paths outside of /api and /apis. */
function splitPath(path: string): { group: string; version: string; steps: string[] } | undefined {
  const [root, ...rest] = path
    .split('/')
    .filter((step) => step !== '')
    .map(decodeURIComponent);
  if (root !== 'api' && root !== 'apis') return undefined;
  const [group = '', version = '', ...steps] = root === 'api' ? ['', ...rest] : rest;
  return root === 'apis' && group === '' ? undefined : { group, version, steps };
}

const namespaceSubresources = ['status', 'finalize'];

/** /namespaces/x/pods is about pods; /namespaces/x and /namespaces/x/status are about the namespace itself. */
function takeNamespace(steps: string[]): { namespace: string | undefined; rest: string[] } {
  const [first, namespace, third = ''] = steps;
  const inside = first === 'namespaces' && steps.length > 2 && !namespaceSubresources.includes(third);
  return inside ? { namespace, rest: steps.slice(2) } : { namespace: undefined, rest: steps };
}

/** Finds what a path such as /apis/apps/v1/namespaces/x/daemonsets/y/status is about; undefined for unknown paths. */
export function parseResourcePath(path: string, registry: Registry): ResourcePath | undefined {
  const split = splitPath(path);
  if (!split) return undefined;
  const { namespace, rest } = takeNamespace(split.steps);
  const [plural = '', name = '', subresource = '', more] = rest;
  const resource = registry.find(split.group, split.version, plural);
  if (!resource || more !== undefined || (namespace !== undefined && !resource.namespaced)) return undefined;
  return { resource, namespace: namespace ?? '', name, subresource };
}

const bodyLimit = 3 * 1024 * 1024;

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyLimit) throw tooLarge(bodyLimit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function contentType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim() ?? '';
}

const acceptedTypes = 'application/json, application/yaml';

function decode(bytes: Buffer, type: string): Json {
  const text = bytes.toString();
  // kubectl declares JSON apply patches as YAML; the JSON parser is much the faster one.
  return (type.includes('yaml') && !text.trimStart().startsWith('{') ? parse(text) : JSON.parse(text)) as Json;
}

/** The body of a request, from JSON or YAML; undefined when there is none. Throws StatusError 400, 413, 415. */
export async function readJson(request: IncomingMessage): Promise<Json> {
  const type = contentType(request);
  const bytes = await readBody(request);
  if (bytes.length === 0) return undefined;
  if (!/json|yaml/.test(type)) throw unsupportedMediaType(acceptedTypes);
  try {
    return decode(bytes, type);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badRequest(`couldn't get version/kind; json parse error: ${reason}`);
  }
}
