import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResourceEvent } from '@dot-i/k8s-operator';
import { afterAll, beforeAll, beforeEach, afterEach, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { startApiServer } from '../../../test/apiserver/index.ts';
import type { ApiServer } from '../../../test/apiserver/index.ts';
import { ApiClient, loadConnection, resourcePath } from '../../kubernetes/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { installCrd } from './install-crd.ts';
import { SafeOperator } from './safe-operator.ts';

const crd = (extra: object) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.example.org' },
  spec: {
    group: 'example.org',
    scope: 'Cluster',
    names: { kind: 'Thing', plural: 'things', singular: 'thing', listKind: 'ThingList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { size: { type: 'integer' }, ...extra } },
              status: { type: 'object', properties: { seen: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
});

class Things extends SafeOperator {
  readonly events: ResourceEvent[] = [];
  crdFile = '';
  onEvent: (event: ResourceEvent) => Promise<void> = () => Promise.resolve();

  /** What was seen, e.g. `ADDED a`. */
  get told(): string[] {
    return this.events.map(({ type, meta }) => `${type} ${meta.name}`);
  }

  setStatus(event: ResourceEvent, status: object) {
    return this.setResourceStatus(event.meta, status);
  }

  finalize(event: ResourceEvent, action: () => Promise<void>) {
    return this.handleResourceFinalizer(event, 'example.org/test', action);
  }

  protected override async init(): Promise<void> {
    await this.registerCustomResourceDefinition(this.crdFile);
    await this.watchResource('example.org', 'v1', 'things', (event) => {
      this.events.push(event);
      return this.onEvent(event);
    });
  }
}

let directory: string;
let server: ApiServer;
let client: ApiClient;
let operator: Things;
let errors: unknown[];

const path = (name?: string) =>
  resourcePath({ group: 'example.org', version: 'v1', plural: 'things', ...(name && { name }) });
const create = (name: string) =>
  client.create(path(), { apiVersion: 'example.org/v1', kind: 'Thing', metadata: { name }, spec: { size: 1 } });
const until = (expectation: () => void) => vi.waitFor(expectation, { timeout: 20_000, interval: 20 });
const eventOf = (name: string) => operator.events.findLast(({ meta }) => meta.name === name)!;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nftproxy-safe-'));
  server = await startApiServer({ dataDirectory: directory });
  client = new ApiClient(await loadConnection({ kubeconfig: server.kubeconfig }));
  await writeFile(join(directory, 'crd.yaml'), stringify(crd({})));
  await installCrd(client, crd({}));
}, 60_000);

afterAll(async () => {
  await client.close();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  errors = [];
  const write = (line: string) => void errors.push(JSON.parse(line));
  operator = new Things(client, createLogger({ format: 'json', level: 'error', write }));
  operator.crdFile = join(directory, 'crd.yaml');
  await operator.start();
  await operator.synced();
});

afterEach(async () => {
  await operator.shutdown();
  const { items } = await client.listAll<{ metadata: { name: string } }>(path());
  for (const { metadata } of items) {
    await client.mergePatch(path(metadata.name), { metadata: { finalizers: null } });
    await client.delete(path(metadata.name)).catch(() => undefined);
  }
});

test('every change is told once, also around expired watches and an outage of the API server', async () => {
  await create('a');
  await create('b');
  await until(() => expect(operator.told).toEqual(['ADDED a', 'ADDED b']));
  expect(eventOf('a').object).toMatchObject({ apiVersion: 'example.org/v1', kind: 'Thing' });
  server.expireWatches();
  await client.delete(path('a'));
  server.compact();
  await until(() => expect(operator.told.slice(2)).toEqual(['DELETED a']));
  const { port, store } = server;
  await server.stop();
  server = await startApiServer({ dataDirectory: directory, port, store });
  await client.mergePatch(path('b'), { spec: { size: 2 } });
  await until(() => expect(operator.told.slice(3)).toEqual(['MODIFIED b']));
});

test('a handler that fails is heard of and hurts nobody else', async () => {
  operator.onEvent = ({ meta }) => (meta.name === 'bad' ? Promise.reject(new Error('no')) : Promise.resolve());
  await create('bad');
  await create('good');
  await until(() => expect(operator.told).toContain('ADDED good'));
  expect(errors).toMatchObject([{ event: 'ADDED', resource: 'things.example.org/v1', name: 'bad', error: 'no' }]);
});

test('a status that cannot be written is an error; one that can is there', async () => {
  await create('a');
  await until(() => expect(operator.told).toContain('ADDED a'));
  await operator.setStatus(eventOf('a'), { seen: 1 });
  // Again from the same event: its resourceVersion is old by now, which must not matter.
  await operator.setStatus(eventOf('a'), { seen: 2 });
  expect(await client.get(path('a'))).toMatchObject({ status: { seen: 2 } });
  await expect(operator.setStatus(eventOf('a'), { seen: 'often' })).rejects.toThrow('status.seen');
});

test('the finalizer of the library works, and does not overwrite what others changed meanwhile', async () => {
  await create('a');
  await until(() => expect(operator.told).toContain('ADDED a'));
  const old = structuredClone({ ...eventOf('a') });
  await client.mergePatch(path('a'), { metadata: { finalizers: ['example.org/other'] } });
  await expect(operator.finalize(old, () => Promise.resolve())).rejects.toThrow('409');
  await until(() => expect(operator.told).toContain('MODIFIED a'));
  await operator.finalize(eventOf('a'), () => Promise.resolve());
  expect(await client.get(path('a'))).toMatchObject({
    metadata: { finalizers: ['example.org/other', 'example.org/test'] },
  });
});

test('a CRD that is there already is upgraded', async () => {
  const seen = await installCrd(client, crd({ colour: { type: 'string' } }));
  expect(seen.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Established', status: 'True' }));
  await create('a');
  expect(await client.mergePatch(path('a'), { spec: { colour: 'red' } })).toMatchObject({ spec: { colour: 'red' } });
});

test('stopping ends the watches, and not the process', async () => {
  const exit = vi.spyOn(process, 'exit');
  await operator.shutdown();
  await create('late');
  expect(operator.told).toEqual([]);
  expect(exit).not.toHaveBeenCalled();
  await expect(operator.start()).rejects.toThrow('has been stopped');
});
