import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../../kubernetes/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { KnownServers } from './index.ts';

let root: string;
let clock: ManualClock;
let client: ApiClient;
const logs: string[] = [];
const clusterIP = 'https://10.96.0.1';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nftproxy-api-servers-'));
  clock = new ManualClock();
  client = new ApiClient({ server: clusterIP, firstContactOnly: true }, { seed: 'node-1' });
  logs.length = 0;
});
afterEach(async () => {
  await client.close();
  await rm(root, { recursive: true });
});

/** An agent's knowledge; every one is a new process with a new client. */
async function started(o: { given?: string[]; told?: boolean; kept?: boolean } = {}): Promise<KnownServers> {
  const { given = [], told = true, kept = true } = o;
  client.servers.use({ given: [], known: [], found: [] });
  const servers = new KnownServers({
    ...{ servers: client.servers, given, clock },
    toldDirectory: told ? join(root, 'told') : undefined,
    stateDirectory: kept ? join(root, 'state') : undefined,
    log: createLogger({ format: 'text', level: 'debug', write: (line) => logs.push(line) }),
  });
  await servers.start();
  return servers;
}

async function tell(files: Record<string, string>): Promise<void> {
  await mkdir(join(root, 'told'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, 'told', name), text);
}

const slice = (...hosts: string[]) => ({
  metadata: { labels: { 'kubernetes.io/service-name': 'kubernetes' } },
  endpoints: hosts.map((host) => ({ addresses: [host], conditions: { ready: true } })),
  ports: [{ name: 'https', port: 6443 }],
});
const all = () => client.servers.all;
const [a, b] = ['https://192.0.2.10:6443', 'https://192.0.2.11:6443'];

describe('the API servers that an agent knows', () => {
  it('are those that it is told for the first contact, and none but the ClusterIP if it is told none', async () => {
    await (await started()).stop();
    expect([all(), logs]).toEqual([[clusterIP], []]);
    await tell({ given: '', found: `${a}\n` });
    await (await started()).stop();
    expect(all()).toEqual([a, clusterIP]);
  });

  it('are the endpoints of default/kubernetes, of all its slices and of no other Service', async () => {
    const servers = await started();
    servers.endpointSlice('default/kubernetes', slice('192.0.2.10'));
    servers.endpointSlice('default/kubernetes-6', slice('2001:db8::1'));
    servers.endpointSlice('team/kubernetes', slice('192.0.2.66'));
    servers.endpointSlice('default/web', { ...slice('192.0.2.67'), metadata: { labels: {} } });
    expect(all().toSorted()).toEqual([clusterIP, a, 'https://[2001:db8::1]:6443']);
    servers.endpointSlice('default/kubernetes-6', undefined);
    expect(all()).toEqual([a, clusterIP]);
    await servers.stop();
  });

  it('are there for the next agent, which needs nobody to tell it', async () => {
    const servers = await started();
    servers.endpointSlice('default/kubernetes', slice('192.0.2.10', '192.0.2.11'));
    await clock.advance(2000);
    await servers.stop();
    await (await started({ told: false })).stop();
    expect(all().slice(0, 2).toSorted()).toEqual([a, b]);
    expect(await readFile(join(root, 'state/api-servers.json'), 'utf8')).toContain('"version": 1');
  });

  it('stay when none is an endpoint any more', async () => {
    const servers = await started();
    servers.endpointSlice('default/kubernetes', slice('192.0.2.10'));
    servers.endpointSlice('default/kubernetes', slice());
    servers.endpointSlice('default/kubernetes', undefined);
    expect(all()).toEqual([a, clusterIP]);
    await servers.stop();
  });

  it('are told again while the agent runs: the way back when all that it knew are gone', async () => {
    await tell({ found: a });
    const servers = await started();
    await tell({ found: b });
    await clock.advance(30_000);
    await expect.poll(all).toEqual([b, clusterIP]);
    await servers.stop();
  });

  it('come after those that people name: on the command line, then to the operator', async () => {
    await tell({ given: 'https://vip', found: a });
    await (await started({ given: ['https://mine'] })).stop();
    expect(all()).toEqual(['https://mine', 'https://vip', a, clusterIP]);
  });

  it.each([
    ['{', 'JSON'],
    ['{"version":2}', 'format version 2'],
    ['{"version":1}', 'no list'],
    ['{"version":1,"servers":["http://a"]}', 'is not the address'],
  ])('are not those of a kept file %s, which is told', async (text, reason) => {
    await mkdir(join(root, 'state'));
    await writeFile(join(root, 'state/api-servers.json'), text);
    await (await started()).stop();
    expect(all()).toEqual([clusterIP]);
    expect(logs.join('')).toContain('cannot be used');
    expect(logs.join('')).toContain(reason);
  });

  it('are not what is no list of URLs, which is told, and what was told before stays', async () => {
    await tell({ found: a });
    const servers = await started();
    await tell({ found: 'http://b' });
    await clock.advance(30_000);
    await expect.poll(() => logs.join('')).toContain('cannot be read');
    expect(all()).toEqual([a, clusterIP]);
    await servers.stop();
  });

  it('are kept nowhere by an agent that has no place for them', async () => {
    const servers = await started({ kept: false });
    servers.endpointSlice('default/kubernetes', slice('192.0.2.10'));
    await clock.advance(2000);
    await servers.stop();
    await (await started()).stop();
    expect(all()).toEqual([clusterIP]);
  });
});
