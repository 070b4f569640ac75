import 'reflect-metadata';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication, NestApplicationOptions } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import type { App } from 'supertest/types.js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { certificatesFor, startApiServer } from '../../../test/apiserver/index.ts';
import type { ApiServer } from '../../../test/apiserver/index.ts';
import { ApiClient, loadConnection, resourcePath } from '../../kubernetes/index.ts';
import { CoreModule } from '../core.module.ts';
import { ELECTION, Terms } from '../leadership/index.ts';
import { HandElection, HandTerms } from '../leadership/testing/index.ts';
import { testDependencies } from '../testing/index.ts';
import { HttpModule } from './http.module.ts';
import { MetricsServer } from './metrics-server.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let folder: string;
let api: ApiServer;
let client: ApiClient;
let app: INestApplication<App>;
let ca: string;

beforeEach(async () => {
  tokens.clear();
  folder = await mkdtemp(join(tmpdir(), 'nftproxy-operator-metrics-'));
  api = await startApiServer({ dataDirectory: folder });
  const certificates = await certificatesFor(['DNS:localhost']);
  ca = certificates.ca;
  const certificate = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  await writeFile(certificate.certFile, certificates.serverCertificate);
  await writeFile(certificate.keyFile, certificates.serverKey);
  client = new ApiClient(await loadConnection({ kubeconfig: api.kubeconfig }));
  const dependencies = testDependencies({ client }, { secureMetrics: { certificate, port: 0 } });
  const module = await Test.createTestingModule({ imports: [CoreModule.register(dependencies), HttpModule] })
    .overrideProvider(ELECTION)
    .useValue(new HandElection())
    .overrideProvider(Terms)
    .useValue(new HandTerms())
    .compile();
  const quiet: Pick<NestApplicationOptions, 'logger'> = { logger: false };
  app = module.createNestApplication(quiet);
  await app.init();
});

afterEach(async () => {
  await app.close();
  await client.close();
  await api.stop();
  await rm(folder, { recursive: true });
});

/** One token a user: another one, of the next second, would be somebody new. */
const tokens = new Map<string, string>();

function tokenOf(user: string): string {
  const token = tokens.get(user) ?? api.issueToken(user, []);
  tokens.set(user, token);
  return token;
}

function scrape(path: string, user?: string) {
  const port = app.get(MetricsServer, { strict: false }).address?.port;
  const sent = request(`https://localhost:${port}`).get(path).ca(ca);
  return user === undefined ? sent : sent.auth(tokenOf(user), { type: 'bearer' });
}

async function allow(user: string): Promise<void> {
  const of = { group: 'rbac.authorization.k8s.io', version: 'v1' };
  const metadata = { name: 'reader' };
  const rules = [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }];
  await client.create(resourcePath({ ...of, plural: 'clusterroles' }), { metadata, rules });
  await client.create(resourcePath({ ...of, plural: 'clusterrolebindings' }), {
    ...{ metadata, roleRef: { apiGroup: of.group, kind: 'ClusterRole', name: 'reader' } },
    subjects: [{ kind: 'User', name: user }],
  });
}

test('an operator with a certificate shows its metrics over TLS to who may read them, and to nobody else', async () => {
  await allow('prometheus');
  const { status, text, type } = await scrape('/metrics', 'prometheus');
  expect([status, type]).toEqual([200, 'text/plain']);
  expect(text).toContain('nftproxy_operator_leader 0');
  await scrape('/metrics').expect(401);
  await scrape('/metrics').auth('invented', { type: 'bearer' }).expect(401);
  await scrape('/metrics', 'somebody').expect(403);
  await scrape('/anything', 'prometheus').expect(403);
});

test('its probes stay where they are, in the clear, and its metrics do not', async () => {
  await request(app.getHttpServer()).get('/healthz').expect(200);
  await request(app.getHttpServer()).get('/readyz').expect(200);
  const { status, text } = await request(app.getHttpServer()).get('/metrics');
  expect([status, text]).toEqual([404, expect.stringContaining('--metrics-port')]);
});

test('while the API server is away nobody sees them who was not allowed just before', async () => {
  await allow('prometheus');
  await scrape('/metrics', 'prometheus').expect(200);
  await api.stop();
  await scrape('/metrics', 'prometheus').expect(200);
  await scrape('/metrics', 'somebody').expect(503);
  await request(app.getHttpServer()).get('/healthz').expect(200);
});
