import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  V1ObjectMeta,
  V1Service,
  V1ServiceSpec,
  Watch,
} from '@kubernetes/client-node';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { ApiServer } from './index.ts';
import type { Subject } from './testing/server.ts';
import { gadgetDefinition, startOurs } from './testing/server.ts';

// Clients that people have: @kubernetes/client-node with all of its ways to write.
let subject: Subject & { server: ApiServer };
const config = new KubeConfig();

beforeAll(async () => {
  subject = await startOurs();
  config.loadFromFile(subject.server.kubeconfig);
  await subject.kubectl(['apply', '-f', gadgetDefinition]);
}, 60_000);

afterAll(() => subject.stop());

const gadget = (name: string, spec: object): KubernetesObject & { spec: object } => ({
  ...{ apiVersion: 'test.nftproxy.io/v1alpha1', kind: 'Gadget' },
  metadata: Object.assign(new V1ObjectMeta(), { name }),
  spec,
});

test('typed clients create, list and delete', async () => {
  const core = config.makeApiClient(CoreV1Api);
  const body = Object.assign(new V1Service(), {
    metadata: Object.assign(new V1ObjectMeta(), { name: 'typed' }),
    spec: Object.assign(new V1ServiceSpec(), { ports: [{ port: 80 }] }),
  });
  const created = await core.createNamespacedService({ namespace: 'default', body });
  expect(created.spec?.clusterIP).toMatch(/^10\.96\./);
  const list = await core.listNamespacedService({ namespace: 'default', fieldSelector: 'metadata.name=typed' });
  expect(list.items).toHaveLength(1);
  await core.deleteNamespacedService({ namespace: 'default', name: 'typed' });
}, 60_000);

test('the object API applies on the server, as an operator does', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const wanted = gadget('applied', { mode: 'nftables' });
  const args = [undefined, undefined, 'operator', true, PatchStrategy.ServerSideApply] as const;
  await objects.patch(wanted, ...args);
  const custom = config.makeApiClient(CustomObjectsApi);
  const place = { group: 'test.nftproxy.io', version: 'v1alpha1', plural: 'gadgets', name: 'applied' };
  const found = (await custom.getClusterCustomObject(place)) as { spec: object };
  expect(found.spec).toEqual({ mode: 'nftables', priority: 0, rollout: { maxUnavailable: '10%' } });
}, 60_000);

test('a watch of the library sees custom objects change', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const seen: string[] = [];
  const path = '/apis/test.nftproxy.io/v1alpha1/gadgets';
  const watch = await new Watch(config).watch(
    path,
    { fieldSelector: 'metadata.name=seen' },
    (type) => seen.push(type),
    () => undefined,
  );
  await objects.create(gadget('seen', { mode: 'nftables' }));
  await objects.delete(gadget('seen', {}));
  await expect.poll(() => seen, { timeout: 20_000 }).toEqual(['ADDED', 'DELETED']);
  watch.abort();
}, 60_000);
