import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiClient } from '../kubernetes/index.ts';
import { eventually, FaultyServer } from '../kubernetes/testing/index.ts';
import { fastClock } from '../runtime/testing/index.ts';
import { firstContact } from './first-contact.ts';
import { testDependencies } from './testing/index.ts';

let server: FaultyServer;
let client: ApiClient;
let stop: AbortController;

beforeEach(async () => {
  server = await FaultyServer.start();
  client = new ApiClient({ server: server.url });
  stop = new AbortController();
});
afterEach(async () => {
  await client.close();
  await server.stop();
});

function begin(byClusterIP = false) {
  const { log, lines } = testDependencies({ client });
  const done = firstContact({ client, byClusterIP, log, clock: fastClock(100), signal: stop.signal });
  return { done, lines, warned: () => eventually('a warning', () => lines.length > 0) };
}

describe('an operator that has not reached the API server yet', () => {
  test('says so and goes on trying, and is content with any answer', async () => {
    const { port } = server;
    await server.stop();
    const { done, lines, warned } = begin();
    await warned();
    server.intercept = () => ({ status: 403 });
    await server.listen(port);
    await done;
    expect(lines[0]).toMatchObject({ level: 'warn', message: 'the API server cannot be reached; trying again' });
    expect(JSON.stringify(lines[0])).toContain('ECONNREFUSED');
  });

  test('by a ClusterIP says what to do where no service proxy serves it', async () => {
    await server.stop();
    const { done, lines, warned } = begin(true);
    await warned();
    expect(JSON.stringify(lines[0])).toMatch(/default\/kubernetes.*--api-server or NFTPROXY_API_SERVER/);
    stop.abort();
    await done;
    await server.listen(0);
  });

  test('gives up without a word when it is told to end', async () => {
    server.silent = true;
    const { done, lines } = begin();
    stop.abort();
    await done;
    expect(lines).toEqual([]);
  });
});
