import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withoutGenerations } from '../support/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import { AgentRig } from './agent-rig.ts';
import { addresses, loadBalancer, slice } from '../support/node/index.ts';

let host: AgentRig;
let agent: ManagedProcess;
const clusterIP = { protocol: 'tcp', address: addresses[4].clusterIP, port: 80 } as const;

beforeAll(async () => {
  host = await AgentRig.create();
  await host.service('web', loadBalancer({ sessionAffinity: 'ClientIP' }));
  for (const family of [4, 6] as const) {
    await host.slice(`web-${family}`, slice('web', family, ['localPod', 'remotePod']));
  }
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

const table = () => host.nft('--stateless', 'list', 'table', 'inet', 'nftproxy');
/** Line by line, without what time changes, the owner (another process after a restart) and numbers of generations. */
const withoutPassingThings = (text: string) =>
  withoutGenerations(text)
    .replaceAll(/ expires \S+/g, '')
    .replace(/ # progname .*/, '')
    .replace(/^\tflags .*\n/m, '')
    .split('\n')
    .sort();
const errors = async (count = 1) =>
  (await host.request('clientPod', { ...clusterIP, count })).flatMap(({ error }) => error ?? []);

describe('an agent', () => {
  it('that never reached the API server ends in order when it is told to', async () => {
    await host.disconnect();
    const waiting = host.startAgent();
    await host.until('a word about it', () => waiting.output.includes('cannot follow the API server'), waiting);
    expect((await waiting.end('SIGTERM')).exitCode).toBe(0);
    expect(waiting.output).toMatch(/stopping; the rules stay in force signal=SIGTERM\n$/);
    await host.connect();
  });

  it('that starts while the API server is away says so, writes nothing, and works once it is back', async () => {
    await host.disconnect();
    agent = host.startAgent();
    await host.until('a word about it', () => agent.output.includes('cannot follow the API server'), agent);
    expect(agent.output).toContain('ECONNREFUSED');
    expect(await host.nft('list', 'tables')).not.toContain('nftproxy');
    await host.connect();
    await host.firstSync(agent);
    expect(await errors()).toEqual([]);
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`that ends by ${signal} leaves the rules in force, and its successor puts the same into force`, async () => {
      expect(await errors()).toEqual([]);
      const before = await table();
      const { exitCode } = await agent.end(signal);
      expect(exitCode).toBe(signal === 'SIGTERM' ? 0 : null);
      expect(await errors(10)).toEqual([]);
      agent = await host.startedAgent();
      expect(withoutPassingThings(await table())).toEqual(withoutPassingThings(before));
      expect(await errors(10)).toEqual([]);
    });
  }

  it('that starts while the API server is away leaves what the kernel has, until it is back', async () => {
    const before = await table();
    await agent.end('SIGKILL');
    await host.disconnect();
    agent = host.startAgent();
    await host.until('a word about it', () => agent.output.includes('cannot follow the API server'), agent);
    expect(withoutPassingThings(await table())).toEqual(withoutPassingThings(before));
    expect(await errors(10)).toEqual([]);
    await host.connect();
    await host.firstSync(agent);
    expect(withoutPassingThings(await table())).toEqual(withoutPassingThings(before));
  });

  it('whose API server goes away keeps everything, and catches up when it is back', async () => {
    await host.disconnect();
    await host.slice('web-4', slice('web', 4, []));
    expect(await errors()).toEqual([]);
    await host.connect();
    await host.until('the change', async () => (await errors())[0] === 'ECONNREFUSED', agent);
    await host.slice('web-4', slice('web', 4, ['remotePod']));
    await host.until('endpoints', async () => (await errors()).length === 0, agent);
  });
});

describe('watches that fall behind (410)', () => {
  /** Takes the endpoints away and gives them back. */
  async function follows(): Promise<void> {
    await host.slice('web-4', slice('web', 4, []));
    await host.until('no endpoints', async () => (await errors())[0] === 'ECONNREFUSED', agent);
    await host.slice('web-4', slice('web', 4, ['remotePod']));
    await host.until('endpoints', async () => (await errors()).length === 0, agent);
  }

  it('are begun anew at once after an outage, without waiting any more for what has expired meanwhile', async () => {
    const before = agent.output.length;
    const failures = () => [...agent.output.slice(before).matchAll(/cannot follow .* retryInMilliseconds=(\d+)/g)];
    await host.disconnect();
    await host.until('some attempts', () => failures().length >= 12, agent);
    host.apiServer.compact();
    await host.connect();
    await follows();
    expect(failures().every(([, milliseconds]) => Number(milliseconds) <= 5000)).toBe(true);
    expect(agent.output.slice(before)).not.toMatch(/cannot follow .*(: 410 |Expired|Gone)/);
  });

  it('are begun anew, whether the API server ends them or has forgotten their place', async () => {
    host.apiServer.expireWatches();
    await follows();
    await host.disconnect();
    host.apiServer.compact();
    await host.connect();
    await follows();
  });
});

describe('nftproxy cleanup', () => {
  it('is refused while the agent owns the table', async () => {
    const { exitCode, stderr } = await host.nftproxy('cleanup');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('owned by another process');
    expect(await errors()).toEqual([]);
  });

  it('removes the table and nothing else once the agent has stopped, and may be run again', async () => {
    await host.node.nft('add table inet somebody_else');
    await agent.end('SIGTERM');
    expect((await host.nftproxy('cleanup')).stdout).toContain('removed table inet nftproxy');
    const tables = await host.nft('list', 'tables');
    expect(tables).not.toContain('nftproxy');
    expect(tables).toContain('somebody_else');
    const again = await host.nftproxy('cleanup');
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.stdout).toContain('nothing to remove');
  });
});
