import { createHash } from 'node:crypto';
import type { JsonObject } from '../json.ts';
import { objectAt } from '../json.ts';
import type { Registry, Resource } from '../resources.ts';
import { apiVersionOf } from '../resources.ts';

function pathOf(resource: Resource): string {
  const root = resource.group ? `/apis/${apiVersionOf(resource)}` : `/api/${resource.version}`;
  return `${root}${resource.namespaced ? '/namespaces/{namespace}' : ''}/${resource.plural}`;
}

function schemaName(resource: Resource): string {
  const reversed = resource.group ? resource.group.split('.').reverse().join('.') : 'io.k8s.api.core';
  return `${reversed}.${resource.version}.${resource.kind}`;
}

function queryParameter(name: string): JsonObject {
  return { name, in: 'query', schema: { type: 'string', uniqueItems: true } };
}

function operation(resource: Resource, action: string): JsonObject {
  const { group, version, kind } = resource;
  return {
    operationId: `${action}${group}${version}${kind}`,
    parameters: ['dryRun', 'fieldManager', 'fieldValidation'].map(queryParameter),
    responses: { '200': { description: 'OK' } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  };
}

/**
 * The patch types that the document promises. Strategic merge is left out for built-in kinds: kubectl would then compute
 * its patches from our schemas, which say too little; so it uses the types compiled into it.
 */
function patchBody(): JsonObject {
  const types = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];
  return { content: Object.fromEntries(types.map((type) => [type, { schema: { type: 'object' } }])) };
}

function schemaOf(resource: Resource): JsonObject {
  const { group, version, kind } = resource;
  const schema = resource.custom?.schema ?? { type: 'object' };
  const properties = {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    ...objectAt(schema, 'properties'),
    metadata: { type: 'object' },
  };
  return { ...schema, properties, 'x-kubernetes-group-version-kind': [{ group, version, kind }] };
}

/** One group and version as an OpenAPI v3 document: enough for kubectl's validation, apply and explain. */
export function openApiDocument(registry: Registry, group: string, version: string): JsonObject | undefined {
  const resources = registry.values().filter((one) => one.group === group && one.version === version);
  if (resources.length === 0) return undefined;
  const paths = resources.map((resource) => [
    [pathOf(resource), { get: operation(resource, 'list'), post: operation(resource, 'post') }],
    [
      `${pathOf(resource)}/{name}`,
      {
        get: operation(resource, 'get'),
        put: operation(resource, 'put'),
        patch: { ...operation(resource, 'patch'), requestBody: patchBody() },
        delete: operation(resource, 'delete'),
      },
    ],
  ]);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.32.0' },
    paths: Object.fromEntries(paths.flat()) as JsonObject,
    components: { schemas: Object.fromEntries(resources.map((one) => [schemaName(one), schemaOf(one)])) },
  };
}

/** /openapi/v3: where the documents are. The hash changes with the document, since clients cache by it. */
export function openApiIndex(registry: Registry): JsonObject {
  const versions = new Map(registry.values().map((one) => [apiVersionOf(one), one]));
  const paths = [...versions.values()].map((one) => {
    const path = `${one.group ? 'apis' : 'api'}/${apiVersionOf(one)}`;
    const text = JSON.stringify(openApiDocument(registry, one.group, one.version));
    const hash = createHash('sha256').update(text).digest('hex');
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const;
  });
  return { paths: Object.fromEntries(paths) };
}

function protobufString(field: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([(field << 3) | 2, bytes.length]), bytes]);
}

export const openApiV2Type = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/**
 * /openapi/v2 as protobuf: a document with a title and no definitions. kubectl before 1.27 wants it before it applies
 * anything, finds no schema for a kind, and leaves the validation to the server.
 */
export function openApiV2(): Buffer {
  const info = Buffer.concat([protobufString(1, 'Kubernetes'), protobufString(2, 'v1.32.0')]);
  return Buffer.concat([protobufString(1, '2.0'), Buffer.from([(2 << 3) | 2, info.length]), info]);
}
