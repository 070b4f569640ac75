import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient, ConnectionError, isGone } from '../index.ts';
import { failureOf, FaultyServer } from '../testing/index.ts';
import type { StoredObject } from '../testing/index.ts';

const services = '/api/v1/services';

let server: FaultyServer;
let client: ApiClient;

beforeEach(async () => {
  server = await FaultyServer.start();
  client = new ApiClient({ server: server.url });
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

describe('lists', () => {
  function fill(count: number): void {
    for (let i = 0; i < count; i += 1) server.collection(services).put(`default/s${i}`, { i });
  }

  it('come in pages of 500, and the version only with the first', async () => {
    fill(1203);
    const { items, resourceVersion } = await client.listAll<StoredObject>(services, {
      resourceVersion: '0',
      labelSelector: '!service.kubernetes.io/headless',
    });
    expect(items.map((item) => item['i'])).toEqual(Array.from({ length: 1203 }, (_, i) => i));
    expect(resourceVersion).toBe(String(server.collection(services).version));
    expect(server.seen.map(({ query }) => [query.get('limit'), query.get('resourceVersion')])).toEqual([
      ['500', '0'],
      ['500', null],
      ['500', null],
    ]);
    expect(server.seen.every(({ query }) => query.get('labelSelector') === '!service.kubernetes.io/headless')).toBe(
      true,
    );
  });

  it('start over in one piece when the server forgets the version between two pages', async () => {
    fill(1203);
    server.collection(services).continuesToExpire = 1;
    const { items } = await client.listAll<StoredObject>(services);
    expect(items).toHaveLength(1203);
    expect(server.seen.at(-1)?.query.toString()).toBe('');
  });

  it('may be empty', async () => {
    expect((await client.listAll(services)).items).toEqual([]);
  });
});

describe('watches', () => {
  it('yield events as they happen and end when the server ends them', async () => {
    const collection = server.collection(services);
    collection.put('default/a');
    const events = client.watch<StoredObject>(services, { resourceVersion: collection.version });
    const first = events.next();
    while (collection.watchers === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    collection.put('default/ünïcode');
    expect((await first).value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'ünïcode' } } });
    collection.drop('default/a');
    expect((await events.next()).value).toMatchObject({ type: 'DELETED' });
    collection.bookmark();
    expect((await events.next()).value).toMatchObject({ type: 'BOOKMARK' });
    collection.endWatches();
    expect((await events.next()).done).toBe(true);
    const query = server.seen[0]?.query;
    expect([query?.get('watch'), query?.get('allowWatchBookmarks')]).toEqual(['true', 'true']);
  });

  it('throw what an ERROR event says', async () => {
    server.intercept = () => ({
      status: 200,
      body: '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n',
    });
    const error = await failureOf(client.watch(services, {}).next());
    expect(isGone(error)).toBe(true);
  });

  it.each([
    '{"type":"ADDED","obj',
    '[]',
    '{"type":"FOO","object":{"metadata":{"resourceVersion":"1"}}}',
    '{"type":"ADDED"}',
  ])('quote a line that is not an event: %s', async (line) => {
    server.intercept = () => ({ status: 200, body: `${line}\n` });
    const error = await failureOf(client.watch(services, {}).next());
    expect(error.message).toBe(`GET /api/v1/services: not a watch event: ${line}`);
  });

  it('fail when the connection breaks, and release it when the consumer stops early', async () => {
    const collection = server.collection(services);
    for (const key of ['default/a', 'default/b']) collection.put(key);
    for await (const event of client.watch(services, { resourceVersion: 1 })) {
      expect(event.type).toBe('ADDED');
      break;
    }
    while (collection.watchers > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const events = client.watch(services, { resourceVersion: collection.version });
    const failure = failureOf(events.next());
    while (collection.watchers === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    server.dropConnections();
    expect(await failure).toBeInstanceOf(ConnectionError);
  });

  it('are not cut off by the time-out for answers', async () => {
    const collection = server.collection(services);
    const impatient = new ApiClient({ server: server.url }, { timeoutSeconds: 0.2 });
    const first = impatient.watch<StoredObject>(services, { resourceVersion: collection.version }).next();
    await new Promise((resolve) => setTimeout(resolve, 500));
    collection.put('default/late');
    expect((await first).value).toMatchObject({ type: 'ADDED' });
    await impatient.close();
  });

  it("reject with the signal's reason when it aborts", async () => {
    const stop = new AbortController();
    const failure = failureOf(client.watch(services, {}, { signal: stop.signal }).next());
    while (server.collection(services).watchers === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort(new Error('enough'));
    expect((await failure).message).toBe('enough');
  });
});
