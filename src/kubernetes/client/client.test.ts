import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient, ApiError, ConnectionError, isConflict, isGone, isNotFound } from '../index.ts';
import { fastClock } from '../../runtime/testing/index.ts';
import { failureOf, FaultyServer } from '../testing/index.ts';
import type { StoredObject } from '../testing/index.ts';

const services = '/api/v1/services';

let server: FaultyServer;
let client: ApiClient;

beforeEach(async () => {
  server = await FaultyServer.start();
  // The time-outs stay long on this clock: only what waits on purpose is to be quick.
  const clock = fastClock(20);
  client = new ApiClient({ server: server.url }, { userAgent: 'nftproxy/test', timeoutSeconds: 600, clock });
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

describe('requests', () => {
  it('creates, reads, replaces, patches and deletes an object', async () => {
    const path = '/api/v1/namespaces/default/services/web';
    const created = await client.create<StoredObject>('/api/v1/namespaces/default/services', {
      metadata: { name: 'web', namespace: 'default' },
      a: 1,
    });
    expect(await client.get(path)).toEqual(created);
    const replaced = await client.replace<StoredObject>(path, { ...created, a: 2 });
    expect(replaced['a']).toBe(2);
    expect(await client.mergePatch<StoredObject>(path, { b: 3 })).toMatchObject({ a: 2, b: 3 });
    await client.delete(path, { propagationPolicy: 'Background' });
    expect(isNotFound(await failureOf(client.get(path)))).toBe(true);
    expect(JSON.parse(server.seen.at(-2)?.body ?? '')).toEqual({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
    });
  });

  it('sends server-side apply and merge patches with their content types and field managers', async () => {
    server.collection(services).put('default/web');
    const path = '/api/v1/namespaces/default/services/web';
    await client.apply(path, { a: 1 }, { fieldManager: 'me', force: true });
    await client.mergePatch(path, { a: 2 }, { fieldManager: 'me too' });
    const [apply, merge] = server.seen;
    expect(apply?.headers).toMatchObject({
      'content-type': 'application/apply-patch+yaml',
      'user-agent': 'nftproxy/test',
      accept: 'application/json',
    });
    expect(Object.fromEntries(apply?.query ?? [])).toEqual({ fieldManager: 'me', force: 'true' });
    expect(merge?.headers['content-type']).toBe('application/merge-patch+json');
    expect(merge?.query.get('fieldManager')).toBe('me too');
  });

  it('keeps the path of the server URL, as proxies of clusters have it', async () => {
    const behindProxy = new ApiClient({ server: `${server.url}/k8s/clusters/c-1/` });
    server.intercept = () => ({ status: 200, body: '{"ok":true}' });
    await behindProxy.get('/version');
    expect(server.seen[0]?.path).toBe('/k8s/clusters/c-1/version');
    expect(behindProxy.server).toBe(`${server.url}/k8s/clusters/c-1`);
    await behindProxy.close();
  });

  it('says which request the server refused, and why', async () => {
    const error = await failureOf(client.get('/api/v1/namespaces/default/services/web'));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 404, reason: 'NotFound', method: 'GET' });
    expect(error.message).toBe('GET /api/v1/namespaces/default/services/web: 404 NotFound: "default/web" not found');
  });

  it('recognises a conflict and an expired version', async () => {
    server.collection(services).put('default/web');
    const stale = { metadata: { name: 'web', namespace: 'default', resourceVersion: '1' } };
    const conflict = await failureOf(client.replace('/api/v1/namespaces/default/services/web', stale));
    expect([isConflict(conflict), isGone(conflict)]).toEqual([true, false]);
    server.collection(services).compact();
    const gone = await failureOf(client.watch(services, { resourceVersion: 1 }).next());
    expect([isConflict(gone), isGone(gone)]).toEqual([false, true]);
  });

  it('quotes an error answer that is not a Status, as load balancers send it', async () => {
    server.intercept = () => ({ status: 502, body: '<html>\n  <h1>Bad Gateway</h1>' });
    const error = await failureOf(client.get(services));
    expect(error).toMatchObject({ status: 502, reason: 'Unknown' });
    expect(error.message).toBe('GET /api/v1/services: 502 Unknown: <html> <h1>Bad Gateway</h1>');
  });

  it('says so when a successful answer is not JSON', async () => {
    server.intercept = () => ({ status: 200, body: 'welcome to the hotel network' });
    const error = await failureOf(client.get(services));
    expect(error.message).toBe('GET /api/v1/services: the answer is not JSON: welcome to the hotel network');
  });

  it('reuses its connections', async () => {
    server.collection(services).put('default/web');
    for (let i = 0; i < 20; i += 1) await client.get(services);
    // The pool may open a second one before the first is known to be free again.
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  it('asks again over a new connection when the server has closed the one that was kept', async () => {
    await client.get(services);
    server.intercept = ({ method }) => {
      server.intercept = () => undefined;
      server.dropConnections();
      return { status: method === 'GET' ? 200 : 201 };
    };
    await client.get(services);
    expect(server.seen).toHaveLength(3);
  });

  it('does not ask again when the server may have done already what was to be done', async () => {
    await client.get(services);
    server.intercept = () => {
      server.dropConnections();
      return { status: 201 };
    };
    expect(await failureOf(client.create(services, { metadata: { name: 'web' } }))).toMatchObject({
      code: 'ECONNRESET',
    });
    expect(server.seen).toHaveLength(2);
  });

  it('gives a request up when its signal aborts', async () => {
    server.silent = true;
    const stop = new AbortController();
    const failure = failureOf(client.get(services, {}, { signal: stop.signal }));
    stop.abort(new Error('no longer needed'));
    expect((await failure).message).toBe('no longer needed');
  });
});

describe('a server that is busy', () => {
  it('is asked again after the time it names', async () => {
    let refusals = 2;
    server.intercept = () =>
      refusals-- > 0
        ? { status: 429, headers: { 'retry-after': '1' }, body: '{"reason":"TooManyRequests"}' }
        : undefined;
    await client.get(services);
    expect(server.seen).toHaveLength(3);
  });

  it('is not asked for ever', async () => {
    server.intercept = () => ({ status: 429, headers: { 'retry-after': '1' }, body: '{"reason":"TooManyRequests"}' });
    expect(await failureOf(client.get(services))).toMatchObject({ status: 429, retryAfterSeconds: 1 });
    expect(server.seen).toHaveLength(4);
  });

  it('is not asked again when it wants a long time, or names none', async () => {
    server.intercept = () => ({ status: 503, headers: { 'retry-after': '3600' } });
    expect(await failureOf(client.get(services))).toMatchObject({ status: 503, retryAfterSeconds: 3600 });
    server.intercept = () => ({ status: 503 });
    expect(await failureOf(client.get(services))).toMatchObject({ retryAfterSeconds: undefined });
    expect(server.seen).toHaveLength(2);
  });
});

describe('a server that does not answer', () => {
  it('is named, with what to look at', async () => {
    const { port } = server;
    await server.stop();
    const error = await failureOf(client.get('/api/v1/nodes'));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toBe(
      `GET http://127.0.0.1:${port}/api/v1/nodes: connect ECONNREFUSED 127.0.0.1:${port}; is the API server reachable?`,
    );
    await server.listen(port);
  });

  it('is given up after the time-out', async () => {
    server.silent = true;
    const error = await failureOf(client.get(services, {}, { timeoutSeconds: 0.05 }));
    expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(error.message).toContain('no answer within 0.05 s; is the API server reachable?');
  });

  it('does not block a watch for longer than the time-out before its first byte', async () => {
    server.silent = true;
    const impatient = new ApiClient({ server: server.url }, { timeoutSeconds: 0.05 });
    expect(await failureOf(impatient.watch(services, {}).next())).toMatchObject({ code: 'TIMEOUT' });
    await impatient.close();
  });

  it('fails requests under way and later ones when the client is closed', async () => {
    server.silent = true;
    const underWay = failureOf(client.get(services));
    await new Promise((resolve) => setTimeout(resolve, 30));
    await client.close();
    expect((await underWay).message).toBe('the client was closed');
    expect((await failureOf(client.get(services))).message).toBe('the client was closed');
  });

  it('may speak another protocol', async () => {
    const other: Server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const lost = new ApiClient({ server: `http://127.0.0.1:${port}` });
    expect(await failureOf(lost.get(services))).toBeInstanceOf(ConnectionError);
    await lost.close();
    other.close();
  });
});
