import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fastClock } from '../../runtime/testing/index.ts';
import { eventually, failureOf, FaultyServer } from '../testing/index.ts';
import { ApiClient } from '../index.ts';

const services = '/api/v1/services';

let first: FaultyServer;
let second: FaultyServer;
let urls: { first: string; second: string };
let client: ApiClient;
const told: string[] = [];
const gone = new Set<FaultyServer>();

beforeEach(async () => {
  [first, second] = [await FaultyServer.start(), await FaultyServer.start()];
  urls = { first: first.url, second: second.url };
  told.length = 0;
  gone.clear();
  const onServerFailure = (server: string): unknown => told.push(server);
  client = new ApiClient({ server: first.url }, { clock: fastClock(20), timeoutSeconds: 600, onServerFailure });
  client.servers.use({ known: [second.url] });
});

afterEach(async () => {
  await client.close();
  for (const server of [first, second]) if (!gone.has(server)) await server.stop();
});

async function stop(server: FaultyServer): Promise<void> {
  gone.add(server);
  await server.stop();
}

describe('a client that knows two API servers', () => {
  it('asks the second when nobody listens where the first was, without an error, and stays there', async () => {
    await client.get(services);
    expect(client.server).toBe(urls.first);
    await stop(first);
    for (let i = 0; i < 5; i++) await client.get(services);
    await client.create(`/api/v1/namespaces/default/services`, { metadata: { name: 'web', namespace: 'default' } });
    expect(client.server).toBe(urls.second);
    expect(second.seen).toHaveLength(6);
    expect(told).toEqual([urls.first]);
  });

  it('does not repeat a request that was sent: it may have been carried out', async () => {
    first.intercept = () => {
      first.dropConnections();
      return { status: 200 };
    };
    await failureOf(client.create(services, { metadata: { name: 'web' } }));
    expect(second.seen).toEqual([]);
  });

  it('leaves a server that takes requests and answers none', async () => {
    first.silent = true;
    expect(await failureOf(client.get(services, {}, { timeoutSeconds: 0.05 }))).toMatchObject({ code: 'TIMEOUT' });
    await client.get(services);
    expect(second.seen).toHaveLength(1);
  });

  it('keeps to a server that answers with errors: that is an answer', async () => {
    first.intercept = () => ({ status: 403, body: '{"reason":"Forbidden"}' });
    for (let i = 0; i < 2; i++) expect(await failureOf(client.get(services))).toMatchObject({ status: 403 });
    expect(second.seen).toEqual([]);
  });

  it('thinks nothing of a server whose request the caller has given up', async () => {
    first.silent = true;
    const failure = failureOf(client.get(services, {}, { signal: AbortSignal.abort(new Error('not needed')) }));
    expect((await failure).message).toBe('not needed');
    first.silent = false;
    await client.get(services);
    expect([told, second.seen]).toEqual([[], []]);
  });

  it('names all of them, and what each said, when none can be reached', async () => {
    await stop(first);
    await stop(second);
    const { message } = await failureOf(client.get(services));
    expect(message).toMatch(/^GET http:\S+\/api\/v1\/services: none of 2 API servers: /);
    for (const url of Object.values(urls)) expect(message).toContain(`${url}: connect ECONNREFUSED`);
    expect(message).toMatch(/; is the API server reachable\?$/);
  });
});

describe('an address where connections are taken and nobody speaks TLS', () => {
  let hole: Server;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    hole = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    hole.close();
    for (const socket of sockets) socket.destroy();
  });

  it('is left for the next one long before a request has had all its time', async () => {
    const dead = `https://127.0.0.1:${(hole.address() as AddressInfo).port}`;
    client.servers.use({ given: [dead], known: [] });
    await client.get(services, {}, { timeoutSeconds: 30 * 20 });
    expect(told).toEqual([dead]);
    await eventually('the answer of the first', () => first.seen.length === 1);
  });
});
