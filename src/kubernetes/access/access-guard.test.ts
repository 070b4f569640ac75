import { createServer } from 'node:http';
import type { Server } from 'node:http';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { ApiClient } from '../client/index.ts';
import { FaultyServer } from '../testing/index.ts';
import { AccessReview, guarded } from './index.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let api: FaultyServer;
let client: ApiClient;
let clock: ManualClock;
let server: Server;
let lines: { message: string }[];
/** What the API server knows: tokens, and who may do what. */
let tokens: Map<string, object>;
let rights: Set<string>;

beforeEach(async () => {
  lines = [];
  tokens = new Map();
  rights = new Set();
  api = await FaultyServer.start();
  api.intercept = review;
  client = new ApiClient({ server: api.url });
  clock = new ManualClock();
  const write = (line: string) => void lines.push(JSON.parse(line) as { message: string });
  const log = createLogger({ format: 'json', level: 'info', write });
  const handler = guarded(
    (_request, response) => void response.end('all of it'),
    new AccessReview({ client, clock, log }),
    ['/healthz'],
  );
  server = createServer(handler);
  tokens.set('good', { username: 'prometheus', uid: 'u1', groups: ['scrapers'], extra: { zone: ['a'] } });
  tokens.set('curious', { username: 'somebody' });
  rights.add('prometheus get /metrics');
});

afterEach(async () => {
  server.close();
  await client.close();
  await api.stop();
});

function review({ path, body }: { path: string; body: string }) {
  const { spec } = JSON.parse(body) as {
    spec: { token: string; user: string; nonResourceAttributes: { verb: string; path: string } };
  };
  const answerWith = (status: object) => ({ status: 201, body: JSON.stringify({ spec, status }) });
  if (path.endsWith('/tokenreviews')) {
    const user = tokens.get(spec.token);
    return answerWith(user ? { authenticated: true, user } : { user: {}, error: '[invalid bearer token]' });
  }
  const { verb, path: url } = spec.nonResourceAttributes;
  return answerWith({ allowed: rights.has(`${spec.user} ${verb} ${url}`) });
}

const asked = () => api.seen.map(({ path }) => path.split('/').at(-1));
const get = (path: string, token?: string) => {
  const sent = request(server).get(path);
  return token === undefined ? sent : sent.set('authorization', `Bearer ${token}`);
};

describe('who comes', () => {
  test('without a token is asked for one, and the API server hears nothing of it', async () => {
    for (const sent of [get('/metrics'), get('/metrics').auth('prometheus', 'secret'), get('/metrics', '')]) {
      const { status, headers, text } = await sent;
      expect([status, headers['www-authenticate'], text]).toEqual([401, 'Bearer', expect.stringContaining('token')]);
    }
    expect(asked()).toEqual([]);
  });

  test('with a token that the API server does not know gets nothing', async () => {
    expect((await get('/metrics', 'invented')).status).toBe(401);
    expect(asked()).toEqual(['tokenreviews']);
  });

  test('with a token, but without the right to the path, is told which right is missing', async () => {
    const { status, text } = await get('/metrics', 'curious');
    expect([status, text]).toEqual([403, expect.stringContaining('somebody may not get /metrics')]);
    expect((await get('/configz', 'good')).status).toBe(403);
    expect((await request(server).post('/metrics').set('authorization', 'Bearer good')).status).toBe(403);
  });

  test('with both is let in, asked about by all that the token says', async () => {
    const { status, text } = await get('/metrics?x=1', 'good');
    expect([status, text]).toEqual([200, 'all of it']);
    expect(JSON.parse(api.seen.at(-1)?.body ?? '')).toMatchObject({
      spec: {
        ...{ user: 'prometheus', uid: 'u1', groups: ['scrapers'], extra: { zone: ['a'] } },
        nonResourceAttributes: { path: '/metrics', verb: 'get' },
      },
    });
  });

  test('to a path for everybody needs nothing', async () => {
    expect((await get('/healthz')).status).toBe(200);
    expect(asked()).toEqual([]);
  });
});

describe('what was said', () => {
  test('is believed for a minute of who is allowed, and not longer', async () => {
    await get('/metrics', 'good').expect(200);
    rights.clear();
    await clock.advance(59_000);
    await get('/metrics', 'good').expect(200);
    expect(asked()).toHaveLength(2);
    await clock.advance(1000);
    await get('/metrics', 'good').expect(403);
  });

  test('is believed for ten seconds of who is not', async () => {
    await get('/metrics', 'curious').expect(403);
    rights.add('somebody get /metrics');
    await clock.advance(9000);
    await get('/metrics', 'curious').expect(403);
    await clock.advance(1000);
    await get('/metrics', 'curious').expect(200);
  });

  test('is asked once for all who come at the same time', async () => {
    await Promise.all(Array.from({ length: 5 }, () => get('/metrics', 'good').expect(200)));
    expect(asked()).toEqual(['tokenreviews', 'subjectaccessreviews']);
  });
});

describe('while the API server', () => {
  test('cannot be asked, nobody gets in but who just was; it is said once, and when it is over', async () => {
    await get('/metrics', 'good').expect(200);
    api.intercept = () => ({ status: 500, body: '{"kind":"Status","message":"etcd has no leader"}' });
    await get('/metrics', 'good').expect(200);
    await clock.advance(60_000);
    for (let scrape = 0; scrape < 3; scrape += 1) {
      const { status, headers, text } = await get('/metrics', 'good');
      expect([status, headers['retry-after']]).toEqual([503, '10']);
      expect(text).not.toContain('etcd');
    }
    api.intercept = review;
    await get('/metrics', 'good').expect(200);
    expect(lines).toEqual([
      expect.objectContaining({
        message: 'the API server does not say who may see metrics; meanwhile nobody may',
        error: expect.stringContaining('etcd has no leader') as string,
      }),
      expect.objectContaining({ message: 'the API server says again who may see metrics' }),
    ]);
  });

  test('does not allow to ask, that is no permission either', async () => {
    api.intercept = () => ({ status: 403, body: '{"kind":"Status","reason":"Forbidden","message":"no tokenreviews"}' });
    await get('/metrics', 'good').expect(503);
    expect(lines).toHaveLength(1);
  });

  test('is being asked about many inventions, no more are sent to it', async () => {
    api.silent = true;
    const inventions = Array.from({ length: 8 }, (_, index) =>
      get('/metrics', `invented-${index}`).catch(() => undefined),
    );
    void Promise.all(inventions);
    await vi.waitFor(() => expect(asked()).toHaveLength(8), { timeout: 30_000 });
    const { status, headers } = await get('/metrics', 'one-more');
    expect([status, headers['retry-after']]).toEqual([429, '10']);
    expect(asked()).toHaveLength(8);
    api.dropConnections();
    await Promise.all(inventions);
  });
});
