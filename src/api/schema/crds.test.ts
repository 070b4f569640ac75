import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { crdHistory } from './crd-history.ts';
import { crdFiles, crdFingerprint, customResourceDefinitions } from './crds.ts';
import { defaults, withDefaults } from '../defaults.ts';
import type { Schema } from './openapi.ts';
import type { ProxySettings } from '../types.ts';

const directory = fileURLToPath(new URL('../../../crds/', import.meta.url));

function specSchema(plural: string): Schema {
  const crd = customResourceDefinitions().find(({ metadata }) => metadata.name.startsWith(plural));
  const [version] = (crd?.spec['versions'] ?? []) as {
    schema: { openAPIV3Schema: { properties: { spec: Schema } } };
  }[];
  if (version === undefined) throw new Error(`no CRD ${plural}`);
  return version.schema.openAPIV3Schema.properties.spec;
}

/** Every schema inside of a schema, with its path. */
function* walk(schema: Schema, path: string): Generator<{ path: string; schema: Schema }> {
  yield { path, schema };
  for (const [name, member] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
    yield* walk(member, `${path}.${name}`);
  }
  if (schema['items'] !== undefined) yield* walk(schema['items'] as Schema, `${path}[]`);
}

function applyDefaults(schema: Schema, value: unknown): unknown {
  const given = value === undefined ? structuredClone(schema['default']) : value;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  const members = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)
    .map(([name, member]) => [name, applyDefaults(member, (given as Record<string, unknown>)[name])] as const)
    .filter(([, member]) => member !== undefined);
  return Object.fromEntries(members);
}

test('the checked-in CRDs are what the classes say (run `npm run generate` after changing them)', async () => {
  const present = (await readdir(directory)).filter((name) => name !== 'kustomization.yaml');
  expect(present.sort()).toEqual(
    crdFiles()
      .map(({ name }) => name)
      .sort(),
  );
  for (const { name, text } of crdFiles()) expect(await readFile(`${directory}${name}`, 'utf8'), name).toBe(text);
});

test('every form of the CRDs has a version of its own: what is new is appended to crd-history.ts', () => {
  expect(crdHistory.at(-1)).toBe(crdFingerprint());
  expect(new Set(crdHistory).size).toBe(crdHistory.length);
  for (const { metadata } of customResourceDefinitions())
    expect(metadata.annotations).toEqual({ 'nftproxy.io/crd-version': String(crdHistory.length) });
});

/**
 * Fields of a ProxyConfig's spec that an API server fills in. Closed: an operator of the version before would find a field
 * that it does not know in every ProxyConfig, and could not be gone back to.
 */
const filledIn = [
  'mode',
  'loadBalancing',
  'loadBalancing.algorithm',
  'loadBalancing.maglev',
  'loadBalancing.maglev.tableSize',
  'detectLocal',
  'detectLocal.mode',
  'clusterCIDRs',
  'masqueradeAll',
  'nodePortAddresses',
  'conntrack',
  'conntrack.maxPerCore',
  'conntrack.min',
  'conntrack.tcpEstablishedTimeout',
  'conntrack.tcpCloseWaitTimeout',
  'conntrack.tcpBeLiberal',
  'conntrack.udpTimeout',
  'conntrack.udpStreamTimeout',
  'nodeSelector',
  'priority',
  'agent.priorityClassName',
  'agent.logLevel',
  'agent.healthzBindAddress',
  'agent.metricsBindAddress',
  'rollout',
  'rollout.paused',
  'rollout.canary',
  'rollout.canary.nodes',
  'rollout.canary.soakSeconds',
  'rollout.maxUnavailable',
  'rollout.maxFailed',
  'rollout.onFailure',
  'rollout.progressDeadlineSeconds',
];

test('no field that is new has a default, so that the version before can be gone back to', () => {
  const found = [...walk(specSchema('proxyconfigs'), 'spec')].filter(({ schema }) => schema['default'] !== undefined);
  expect(found.map(({ path }) => path.replace(/^spec\.?/, '')).toSorted()).toEqual(filledIn.toSorted());
});

describe.each(['proxyconfigs', 'proxynodestates'])('%s', (plural) => {
  const schemas = [...walk(specSchema(plural), 'spec')];

  test('every field has a type and every described field a description', () => {
    for (const { path, schema } of schemas) {
      if (schema['x-kubernetes-int-or-string'] !== true) expect(schema['type'], path).toBeTypeOf('string');
      if (!path.endsWith('[]') && path !== 'spec') expect(schema['description'], path).toBeTypeOf('string');
    }
  });

  test('every string, list and map is bounded, which keeps CEL within its cost limit', () => {
    for (const { path, schema } of schemas) {
      if (schema['type'] === 'string' && !('enum' in schema)) {
        const bounded =
          'maxLength' in schema || schema['format'] === 'date-time' || /\{\d+\}\$?$/.test(String(schema['pattern']));
        expect(bounded, path).toBe(true);
      }
      if (schema['type'] === 'array') expect(schema['maxItems'], path).toBeTypeOf('number');
      if ('additionalProperties' in schema) expect(schema['maxProperties'], path).toBeTypeOf('number');
    }
  });
});

test('what the API server fills in means the same as a spec that says nothing', () => {
  const filled = applyDefaults(specSchema('proxyconfigs'), {}) as ProxySettings;
  expect(withDefaults(filled)).toEqual(defaults);
  expect(withDefaults({})).toEqual(defaults);
});

test('a just created ProxyConfig does not count as done before the operator has seen it', () => {
  const [crd] = customResourceDefinitions();
  expect(JSON.stringify(crd)).toContain('"default":{"observedGeneration":-1}');
});
