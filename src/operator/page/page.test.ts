import 'reflect-metadata';
import { Test } from '@nestjs/testing';
import type { TestingModule } from '@nestjs/testing';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProxyConfig } from '../../api/index.ts';
import { FaultyServer } from '../../kubernetes/testing/index.ts';
import type { ManualClock } from '../../runtime/testing/index.ts';
import { CoreModule } from '../core.module.ts';
import { ELECTION, Terms } from '../leadership/index.ts';
import { HandElection, HandTerms } from '../leadership/testing/index.ts';
import { testDependencies } from '../testing/index.ts';
import { PageModule, PageServer } from './index.ts';

const ready: ProxyConfig = {
  metadata: { name: 'default', generation: 1 },
  spec: {},
  status: {
    observedGeneration: 1,
    conditions: [
      {
        ...{ type: 'Ready', status: 'True', reason: 'AllNodesSynced', message: '3/3 nodes <have> it' },
        lastTransitionTime: '2026-11-26T00:00:00Z',
      },
    ],
  },
};

let server: FaultyServer;
let module: TestingModule;
let election: HandElection;
let terms: HandTerms;
let clock: ManualClock;
let close: () => Promise<void>;
/** What the API server has been asked for, and how it answers. */
let asked: string[];
let holder: string | undefined;

beforeEach(async () => {
  server = await FaultyServer.start();
  [asked, holder] = [[], 'operator-1'];
  server.intercept = ({ path }) => {
    asked.push(path);
    const spec = { holderIdentity: holder };
    if (path.includes('/leases/')) return { status: 200, body: JSON.stringify({ metadata: {}, spec }) };
    const items = path.includes('proxyconfigs') ? [ready] : [];
    return { status: 200, body: JSON.stringify({ kind: 'List', metadata: { resourceVersion: '1' }, items }) };
  };
  [election, terms] = [new HandElection(), new HandTerms()];
  const dependencies = testDependencies(server, { pagePort: 0, leaderElect: true });
  clock = dependencies.clock;
  module = await Test.createTestingModule({ imports: [CoreModule.register(dependencies), PageModule] })
    .overrideProvider(ELECTION)
    .useValue(election)
    .overrideProvider(Terms)
    .useValue(terms)
    .compile();
  await module.init();
  close = async () => {
    for (const term of terms.made) term.finish();
    await module.close();
    await dependencies.client.close();
  };
});

afterEach(async () => {
  await close();
  await server.stop();
});

const address = (): string => module.get(PageServer).url ?? 'nowhere';
const get = (path: string) => request(address()).get(path);
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function lead(): Promise<void> {
  election.win();
  await settle();
  terms.last.held = { configs: [ready], nodes: [] };
  terms.last.complete();
  await settle();
}

describe('the operator’s page', () => {
  test('is on 127.0.0.1 alone, where port-forward leads', () => {
    expect(address()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test('of who leads comes from its caches: the API server is not asked', async () => {
    await lead();
    const { text, type } = await get('/').expect(200);
    expect(type).toBe('text/html');
    expect(text).toContain('default is Ready');
    expect(text).toContain('operator-0 leads');
    expect(text).toContain('3/3 nodes &lt;have&gt; it');
    expect(asked).toEqual([]);
  });

  test('of who stands by shows the same, says who leads, and asks the API server once however many look', async () => {
    const [first] = await Promise.all([get('/').expect(200), get('/').expect(200), get('/status.json').expect(200)]);
    expect(first.text).toContain('default is Ready');
    expect(first.text).toContain('operator-1 leads, operator-0 stands by');
    expect(asked).toHaveLength(3);
    await clock.advance(20_000);
    holder = '';
    expect((await get('/').expect(200)).text).toContain('no operator leads');
    expect(asked).toHaveLength(6);
  });

  test('says why there is nothing to show, and tries again when it is asked again', async () => {
    const answer = server.intercept;
    server.intercept = () => ({ status: 403, body: '{"kind":"Status","message":"<b>no rights</b>"}' });
    const { text } = await get('/').expect(503);
    expect(text).toContain('&lt;b&gt;no rights&lt;/b&gt;');
    await get('/status.json').expect(503);
    server.intercept = answer;
    await get('/').expect(200);
  });

  test('is JSON for programs', async () => {
    await lead();
    const { text } = await get('/status.json').expect(200).expect('content-type', 'application/json');
    expect(JSON.parse(text)).toMatchObject({
      overview: { configs: [{ name: 'default', ready: true }], nodeCount: 0 },
      teller: { identity: 'operator-0', leader: 'operator-0' },
    });
  });

  test('lets nothing be loaded from elsewhere, framed, kept or changed', async () => {
    const { headers } = await get('/');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['cache-control']).toBe('no-store');
    await request(address()).post('/').expect(405).expect('allow', 'GET, HEAD');
    await request(address()).head('/').expect(200);
    await get('/elsewhere').expect(404);
  });

  test.each(['evil.example', 'localhost.evil.example:8081', '127.0.0.1.evil.example'])(
    'is not told to %s, a name that somebody else may let lead here',
    async (host) => {
      const { text } = await get('/').set('Host', host).expect(421);
      expect(text).not.toContain('Ready');
    },
  );
});
