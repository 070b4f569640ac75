import 'reflect-metadata';
import type { INestApplication, NestApplicationOptions } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import type { App } from 'supertest/types.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FaultyServer } from '../../kubernetes/testing/index.ts';
import { CoreModule } from '../core.module.ts';
import { ELECTION, Terms } from '../leadership/index.ts';
import { HandElection, HandTerms } from '../leadership/testing/index.ts';
import { OperatorMetrics } from '../metrics/index.ts';
import { testDependencies } from '../testing/index.ts';
import { HttpModule } from './http.module.ts';

let server: FaultyServer;
let app: INestApplication<App>;
let election: HandElection;
let terms: HandTerms;
let close: () => Promise<void>;

beforeEach(async () => {
  server = await FaultyServer.start();
  server.intercept = ({ path }) => (path === '/version' ? { status: 200, body: '{"major":"1"}' } : undefined);
  [election, terms] = [new HandElection(), new HandTerms()];
  const dependencies = testDependencies(server);
  const module = await Test.createTestingModule({ imports: [CoreModule.register(dependencies), HttpModule] })
    .overrideProvider(ELECTION)
    .useValue(election)
    .overrideProvider(Terms)
    .useValue(terms)
    .compile();
  const quiet: Pick<NestApplicationOptions, 'logger'> = { logger: false };
  app = module.createNestApplication(quiet);
  await app.init();
  close = async () => {
    for (const term of terms.made) term.finish();
    await app.close();
    await dependencies.client.close();
  };
});

afterEach(async () => {
  await close();
  await server.stop();
});

const get = (path: string) => request(app.getHttpServer()).get(path);
/** Lets what was just decided take effect. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function lead(): Promise<void> {
  election.win();
  await settle();
}

test('/healthz answers as soon as the process does, whatever works', async () => {
  await server.stop();
  const { status, text, type } = await get('/healthz');
  expect([status, text, type]).toEqual([200, 'ok', 'text/plain']);
  await server.listen(0);
});

describe('/readyz', () => {
  test('an operator that stands by is ready', async () => {
    const { status, text } = await get('/readyz');
    expect(status).toBe(200);
    expect(text).toBe(
      '[+]api-server: answers\n[+]caches: standing by, this process does not lead\nreadyz check passed\n',
    );
  });

  test('one that leads is ready when its caches are complete', async () => {
    await lead();
    const before = await get('/readyz');
    expect(before.status).toBe(503);
    expect(before.text).toContain('[-]caches: not complete yet\nreadyz check failed');
    terms.last.complete();
    await settle();
    const after = await get('/readyz');
    expect(after.status).toBe(200);
    expect(after.text).toContain('[+]caches: complete');
  });

  test('one that leads and cannot begin its work is not ready', async () => {
    terms.impossible = 'the kubeconfig is broken';
    await lead();
    expect((await get('/readyz')).status).toBe(503);
  });

  test('without an API server nobody is ready, and it says why', async () => {
    server.intercept = () => ({ status: 500, body: '{"kind":"Status","message":"etcd has no leader"}' });
    const { status, text } = await get('/readyz');
    expect(status).toBe(503);
    expect(text).toMatch(/^\[-\]api-server: .*etcd has no leader/);
  });
});

describe('/metrics', () => {
  const scrape = async () => (await get('/metrics').expect(200)).text;

  test('is Prometheus’ text, and has from the start what can be known beforehand', async () => {
    const { text, type } = await get('/metrics');
    expect(type).toBe('text/plain');
    expect(text).toContain('nftproxy_operator_leader 0');
    expect(text).toContain('nftproxy_operator_queue_length{queue="nodes"} 0');
    expect(text).toContain('nftproxy_operator_reconciles_total{queue="agents",result="error"} 0');
    expect(text).toContain('process_cpu_seconds_total');
  });

  test('shows the queues and watches of who leads, and none of a term that is over', async () => {
    await lead();
    const watch = { lists: 1, watches: 1, events: 7, errors: 2, cacheMisses: 3, lastError: undefined, failing: false };
    terms.last.queueLengths = { nodes: 5 };
    terms.last.watches = new Map([['nodes', { ...watch, lastEventAgeSeconds: undefined }]]);
    const during = await scrape();
    expect(during).toContain('nftproxy_operator_leader 1');
    expect(during).toContain('nftproxy_operator_queue_length{queue="nodes"} 5');
    expect(during).toContain('nftproxy_operator_watch_errors{resource="nodes"} 2');
    expect(during).toContain('nftproxy_operator_watch_cache_misses{resource="nodes"} 3');
    election.lose();
    terms.last.finish();
    await settle();
    const after = await scrape();
    expect(after).toContain('nftproxy_operator_leader 0');
    expect(after).toContain('nftproxy_operator_queue_length{queue="nodes"} 0');
    expect(after).not.toContain('resource="nodes"');
  });

  test('counts reconciles, and nodes for each ProxyConfig as long as it is there', async () => {
    const metrics = app.get(OperatorMetrics, { strict: false });
    metrics.reconciled('nodes', 0.002, true);
    metrics.reconciled('nodes', 0.2, false);
    const nodes = { matching: 3, updated: 3, ready: 2, failed: 1, pending: 0, silent: 0, ignored: 0, uncovered: 0 };
    const condition = (type: string, status: 'True' | 'False', reason: string) => ({
      ...{ type, status, reason, message: '', lastTransitionTime: '2026-11-26T00:00:00Z' },
    });
    metrics.setStatus('default', { nodes, conditions: [condition('Stalled', 'True', 'RolloutFailed')] });
    expect(await scrape()).toContain(
      'nftproxy_operator_condition{config="default",type="Stalled",reason="RolloutFailed"} 1',
    );
    metrics.setStatus('default', { nodes, conditions: [condition('Ready', 'False', 'NodesFailing')] });
    const there = await scrape();
    expect(there).toContain('nftproxy_operator_reconciles_total{queue="nodes",result="error"} 1');
    expect(there).toContain('nftproxy_operator_reconcile_duration_seconds_count{queue="nodes"} 2');
    expect(there).toContain('nftproxy_operator_nodes{config="default",state="failed"} 1');
    expect(there).toContain('nftproxy_operator_condition{config="default",type="Ready",reason="NodesFailing"} 0');
    expect(there).not.toContain('Stalled');
    metrics.forgetConfig('default');
    expect(await scrape()).not.toContain('config="default"');
  });
});
