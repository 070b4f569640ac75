import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { startApiServer } from '../../test/apiserver/index.ts';
import { startKubeApiServer } from '../../test/cluster/index.ts';
import type { ProxyConfig, ProxyNodeState } from '../api/index.ts';
import { ApiClient, isNotFound, loadConnection, resourcePath } from '../kubernetes/index.ts';
import type { KubernetesObject } from '../kubernetes/index.ts';
import { eventually } from '../kubernetes/testing/index.ts';
import { createLogger } from '../runtime/index.ts';
import { readCrds } from './library/index.ts';
import { runOperator } from './run-operator.ts';
import type { RunningOperator } from './run-operator.ts';

// Operators whose CRDs come and go. With KUBEBUILDER_ASSETS they have a real API server before them, and no right but
// those of config/rbac.

const namespace = 'nftproxy-system';
const rbac = new URL('../../config/rbac/operator.yaml', import.meta.url);
const [configs, states] = ['proxyconfigs.nftproxy.io', 'proxynodestates.nftproxy.io'] as const;
type Crd = KubernetesObject & { spec: { names: { shortNames: string[] } } };

let directory: string;
let kubeconfig: string;
let client: ApiClient;
let stopServer: () => Promise<void>;
let operator: RunningOperator | undefined;
let log = '';

const crdPath = (name?: string) =>
  resourcePath({
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    ...(name && { name }),
  });
const path = (plural: string, name?: string) =>
  resourcePath({ group: 'nftproxy.io', version: 'v1alpha1', plural, ...(name && { name }) });

/** An object, or undefined while there is none. */
async function found<T>(where: string): Promise<T | undefined> {
  try {
    return await client.get<T>(where);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function until<T>(what: string, look: () => Promise<T | undefined>, good: (value: T) => boolean): Promise<T> {
  const holds = async () => {
    const value = await look();
    return value !== undefined && good(value) ? [value] : undefined;
  };
  const [value] = await eventually(what, holds, { evidence: () => `; the operator said:\n${log}` });
  return value as T;
}

const untilCrd = (name: string, what: string, good: (crd: Crd) => boolean) =>
  until(`the CRD ${what}`, () => found<Crd>(crdPath(name)), good);
const untilState = (what: string, good: (state: ProxyNodeState) => boolean) =>
  until(`a ProxyNodeState ${what}`, () => found<ProxyNodeState>(path('proxynodestates', 'node-1')), good);
const untilLogged = (text: string) =>
  until(
    `"${text}"`,
    () => Promise.resolve(log),
    (all) => all.includes(text),
  );

async function start(manageCrds = true): Promise<RunningOperator> {
  log = '';
  const options = {
    kubeconfig,
    namespace,
    image: 'nftproxy:test',
    httpPort: 0,
    leaderElect: false,
    manageCrds,
    manageKubeProxy: true,
    kubeProxy: { namespace: 'kube-system', name: 'kube-proxy' },
  } as const;
  const others = {
    logFormat: 'text',
    logLevel: 'debug',
    identity: 'operator-0',
    agentApiServers: [],
    apiServers: [],
  } as const;
  const write = (line: string) => void (log += line);
  return runOperator({ ...options, ...others }, createLogger({ format: 'text', level: 'debug', write }));
}

const untilReady = (running: RunningOperator) =>
  until(
    'ready',
    async () => (await request(running.url).get('/readyz')).status,
    (status) => status === 200,
  );

/** A ProxyConfig, whatever the operator is about: the server may not serve it this very moment. */
const putConfig = (clusterCIDR: string) =>
  until(
    'a ProxyConfig',
    async () => {
      const body = { apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyConfig', metadata: { name: 'default' } };
      const config = { ...body, spec: { clusterCIDRs: [clusterCIDR] } };
      try {
        return await client.apply<ProxyConfig>(path('proxyconfigs', 'default'), config, { fieldManager: 'test' });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    () => true,
  );

async function eventsOn(name: string): Promise<string[]> {
  const events = resourcePath({ group: 'events.k8s.io', version: 'v1', plural: 'events', namespace: 'default' });
  const { items } = await client.listAll<{ reason: string; regarding?: { name?: string } }>(events);
  return items.filter(({ regarding }) => regarding?.name === name).map(({ reason }) => reason);
}

/** Who uses the kubeconfig has the rights of the operator's service account, where the server looks at rights. */
async function asServiceAccount(file: string): Promise<string> {
  const config = parse(await readFile(file, 'utf8')) as { users: { user: Record<string, unknown> }[] };
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  for (const { user } of config.users) {
    user['as'] = `system:serviceaccount:${namespace}:nftproxy-operator`;
    user['as-groups'] = groups;
  }
  const target = join(directory, 'operator.kubeconfig');
  await writeFile(target, stringify(config));
  return target;
}

/** kustomize fills in the namespace of a binding's service account. */
function inNamespace(object: KubernetesObject & { subjects?: object[] }): object {
  if (object.subjects === undefined) return object;
  return { ...object, subjects: object.subjects.map((subject) => ({ ...subject, namespace })) };
}

type ShippedCrd = Awaited<ReturnType<typeof readCrds>>[number];

/** As a Git tool does that puts back what is not as in Git. */
async function applyCrds(inGit: (shipped: ShippedCrd) => object = (shipped) => shipped): Promise<void> {
  for (const crd of await readCrds())
    await client.apply(crdPath(crd.metadata.name), inGit(crd), { fieldManager: 'git', force: true });
}

/** What Git has when it was forgotten there. */
const older = ({ metadata, spec, ...crd }: ShippedCrd): object => ({
  ...crd,
  metadata: { ...metadata, annotations: { 'nftproxy.io/crd-version': '0' } },
  spec: { ...spec, names: { ...spec.names, shortNames: [`old-${spec.names.plural}`] } },
});

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nftproxy-crds-'));
  const assets = process.env['KUBEBUILDER_ASSETS'];
  let admin: string;
  if (assets) {
    const server = await startKubeApiServer(assets, directory);
    [admin, stopServer] = [server.kubeconfig, () => server.close()];
  } else {
    const server = await startApiServer({ dataDirectory: directory });
    [admin, stopServer] = [server.kubeconfig, () => server.stop()];
  }
  client = new ApiClient(await loadConnection({ kubeconfig: admin }));
  await client.create(resourcePath({ version: 'v1', plural: 'namespaces' }), { metadata: { name: namespace } });
  await client.create(resourcePath({ version: 'v1', plural: 'nodes' }), { metadata: { name: 'node-1' } });
  for (const document of parseAllDocuments(await readFile(rbac, 'utf8'))) {
    const object = document.toJS() as KubernetesObject & { apiVersion: string; kind: string };
    const [group, version = 'v1'] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', 'v1'];
    const plural = `${object.kind.toLowerCase()}s`;
    const where = ['ServiceAccount', 'Role', 'RoleBinding'].includes(object.kind) ? { namespace } : {};
    await client.create(resourcePath({ ...(group && { group }), version, plural, ...where }), inNamespace(object));
  }
  kubeconfig = await asServiceAccount(admin);
}, 90_000);

afterEach(async () => {
  await operator?.stop();
  operator = undefined;
});

afterAll(async () => {
  await client.close();
  await stopServer();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

describe('the CRDs of an operator', { timeout: 90_000 }, () => {
  test('are installed by it, with their version', async () => {
    operator = await start();
    await untilReady(operator);
    for (const name of [configs, states]) {
      const { metadata } = await untilCrd(name, 'to be there', () => true);
      expect(Number(metadata.annotations?.['nftproxy.io/crd-version'])).toBeGreaterThan(0);
    }
    await putConfig('10.244.0.0/16');
    await untilState('of the config', ({ spec }) => spec.config.clusterCIDRs[0] === '10.244.0.0/16');
  });

  test('come back when somebody deletes them, and the operator goes on: nodes are told anew, new configs are followed', async () => {
    operator = await start();
    await untilReady(operator);
    const before = await untilState('to be there', () => true);
    await client.delete(crdPath(states));
    const after = await untilState('that is new', ({ metadata }) => metadata.uid !== before.metadata.uid);
    expect(after.spec).toEqual(before.spec);

    const { metadata: old } = await untilCrd(configs, 'to be there', () => true);
    await client.delete(crdPath(configs));
    // What is written before goes with the old one.
    await untilCrd(configs, 'that is new', ({ metadata }) => metadata.uid !== old.uid);
    await untilLogged(`put it back (--manage-crds=false leaves it to you) crd=${configs}`);
    await putConfig('10.245.0.0/16');
    await untilState('of the new config', ({ spec }) => spec.config.clusterCIDRs[0] === '10.245.0.0/16');
    await until(
      'an Event',
      () => eventsOn(states),
      (reasons) => reasons.includes('CRDRestored'),
    );
  });

  test('are put back when somebody changes them', async () => {
    operator = await start();
    await untilReady(operator);
    await client.mergePatch(crdPath(configs), { spec: { names: { shortNames: ['mine'] } } });
    await untilCrd(configs, 'as it was', ({ spec }) => spec.names.shortNames.join() === 'nftpc');
    await untilLogged('put it back');
  });

  test('of a newer program stay as they are, and the older operator works with them and says so', async () => {
    const newer = { 'nftproxy.io/crd-version': '999' };
    await client.mergePatch(crdPath(configs), {
      metadata: { annotations: newer },
      spec: { names: { shortNames: ['new'] } },
    });
    operator = await start();
    await untilReady(operator);
    await untilLogged('of version 999, newer than');
    await until(
      'an Event',
      () => eventsOn(configs),
      (reasons) => reasons.includes('CRDNewerThanOperator'),
    );
    await putConfig('10.246.0.0/16');
    await untilState('of the new config', ({ spec }) => spec.config.clusterCIDRs[0] === '10.246.0.0/16');
    const crd = await untilCrd(configs, 'to be there', () => true);
    expect([crd.spec.names.shortNames, crd.metadata.annotations]).toEqual([['new'], expect.objectContaining(newer)]);
    await client.mergePatch(crdPath(configs), { metadata: { annotations: { 'nftproxy.io/crd-version': '0' } } });
    await untilCrd(configs, 'of this program', ({ spec }) => spec.names.shortNames.join() === 'nftpc');
  });
});

describe('CRDs that Git keeps, too', { timeout: 90_000 }, () => {
  const version = (crd: Crd) => crd.metadata.annotations?.['nftproxy.io/crd-version'];

  test('rest while both have the same', async () => {
    operator = await start();
    await untilReady(operator);
    // Who manages what is sorted by the second in which it did: within one, Git's next word would move it.
    await sleep(1000);
    await applyCrds();
    const before = await untilCrd(configs, 'to be there', () => true);
    await putConfig('10.248.0.0/16');
    await untilState('of the config', ({ spec }) => spec.config.clusterCIDRs[0] === '10.248.0.0/16');
    await applyCrds();
    const after = await untilCrd(configs, 'to be there', () => true);
    expect(after).toEqual(before);
    expect(log).not.toContain('put it back');
  });

  test('that are older there are put back once, then left to Git, and the operator says so', async () => {
    operator = await start();
    await untilReady(operator);
    await applyCrds(older);
    await untilCrd(configs, 'of this program', (crd) => version(crd) !== '0');
    await untilLogged('put it back');
    await applyCrds(older);
    await untilLogged('of version 0, older than');
    await putConfig('10.249.0.0/16');
    await untilState('of the config', ({ spec }) => spec.config.clusterCIDRs[0] === '10.249.0.0/16');
    expect(version(await untilCrd(configs, 'to be there', () => true))).toBe('0');
    await applyCrds();
  });
});

describe('CRDs that are left to Git (--manage-crds=false)', { timeout: 120_000 }, () => {
  test('are waited for, and what to apply is said; nothing is written', async () => {
    for (const name of [configs, states]) await client.delete(crdPath(name));
    for (const name of [configs, states])
      await expect.poll(() => found(crdPath(name)), { timeout: 20_000 }).toBeUndefined();
    operator = await start(false);
    await untilLogged('kubectl apply --server-side -k config/crd');
    expect((await request(operator.url).get('/readyz')).status).toBe(503);
    expect(await found(crdPath(configs))).toBeUndefined();
    await applyCrds();
    await untilReady(operator);
    await putConfig('10.247.0.0/16');
    await untilState('of the config', ({ spec }) => spec.config.clusterCIDRs[0] === '10.247.0.0/16');
  });

  test('may go and come back while the operator runs', async () => {
    operator = await start(false);
    await untilReady(operator);
    const before = await untilState('to be there', () => true);
    await client.delete(crdPath(states));
    await untilLogged('kubectl apply --server-side -k config/crd');
    await expect.poll(() => found(crdPath(states)), { timeout: 20_000 }).toBeUndefined();
    await applyCrds();
    await untilState('that is new', ({ metadata }) => metadata.uid !== before.metadata.uid);
  });

  test('that are older than the operator are told', async () => {
    await client.mergePatch(crdPath(states), { metadata: { annotations: { 'nftproxy.io/crd-version': '0' } } });
    operator = await start(false);
    await untilReady(operator);
    await untilLogged('of version 0, older than');
    const crd = await untilCrd(states, 'to be there', () => true);
    expect(crd.metadata.annotations?.['nftproxy.io/crd-version']).toBe('0');
  });
});
