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

/** Finds what a path such as /apis/apps/v1/namespaces/x/daemonsets/y/status is about; undefined for unknown paths. */
export function parseResourcePath(path: string, registry: Registry): ResourcePath | undefined {
  const [root, ...rest] = path.split('/').filter((step) => step !== '').map(decodeURIComponent);
  const [group = '', version = '', ...steps] = root === 'api' ? ['', ...rest] : rest;
  if (root !== 'api' && (root !== 'apis' || group === '')) return undefined;
  const namespaced = steps[0] === 'namespaces' && steps.length > 2 && !['status', 'finalize'].includes(steps[2] ?? '');
  const [plural = '', name = '', subresource = '', more] = namespaced ? steps.slice(2) : steps;
  const resource = registry.find(group, version, plural);
  if (!resource || more !== undefined || (namespaced && !resource.namespaced)) return undefined;
  return { resource, namespace: namespaced ? (steps[1] ?? '') : '', name, subresource };
}

const bodyLimit = 3 * 1024 * 1024;

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyLimit) throw tooLarge(bodyLimit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

export function contentType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim() ?? '';
}

/** The body of a request, from JSON or YAML; undefined when there is none. Throws StatusError 400, 413, 415. */
export async function readJson(request: IncomingMessage): Promise<Json> {
  const type = contentType(request);
  const text = await readBody(request);
  if (text === '') return undefined;
  if (!/json|yaml/.test(type)) throw unsupportedMediaType('application/json, application/yaml');
  try {
    return (type.includes('yaml') && !text.trimStart().startsWith('{') ? parse(text) : JSON.parse(text)) as Json;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badRequest(`couldn't get version/kind; json parse error: ${reason}`);
  }
}
