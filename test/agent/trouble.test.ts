import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { AgentRig } from './agent-rig.ts';
import { addresses, service, slice } from '../support/node/index.ts';

let host: AgentRig;
/** The one that works in the end. */
let agent: ManagedProcess;

beforeAll(async () => {
  host = await AgentRig.create();
  await host.service('web', service());
  await host.slice('web-4', slice('web', 4, ['localPod']));
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

const health = async (path: string) => (await host.get('node', `http://127.0.0.1:10256${path}`)).status;

describe('an agent that may not work', () => {
  it('because the API server tells it nothing is not ready, and alive: a restart would not help', async () => {
    await host.disconnect();
    const waiting = host.startAgent();
    await host.until('a word about it', () => waiting.output.includes('cannot follow the API server'), waiting);
    const { status, body } = await host.get('node', 'http://127.0.0.1:10256/readyz');
    expect([status, body]).toEqual([503, 'nothing has been written to the kernel yet\n']);
    expect(await health('/livez?exclude=keeps-up')).toBe(200);
    await host.connect();
    await host.until('ready', async () => (await health('/readyz')) === 200, waiting);
    await waiting.end('SIGTERM');
    expect((await host.nftproxy('cleanup')).exitCode).toBe(0);
  });

  it('without CAP_NET_ADMIN says so, keeps trying, and turns unhealthy after a minute', async () => {
    // Not faster: its first words must reach us before its minute is over, on a busy machine too.
    const hurried = host.startAgent({ capabilities: ['net_raw'], hurry: 6 });
    const failed = 'sync failed; the kernel keeps what it has';
    await host.until('a word about it', () => hurried.output.includes(failed), hurried);
    expect(hurried.output).toContain('CAP_NET_ADMIN');
    // A first sync that fails is not unhealthy yet: the next may go well.
    expect(await health('/healthz')).toBe(200);
    await host.until('503', async () => (await health('/healthz')) === 503, hurried);
    expect(await health('/livez')).toBe(503);
    expect([await health('/livez?exclude=keeps-up'), await health('/readyz')]).toEqual([200, 503]);
    expect(hurried.running).toBe(true);
    await hurried.end('SIGTERM');
  });

  it('because of a foreign table of its name says whose it is, changes nothing, and takes over once it is gone', async () => {
    await host.node.nft('add table inet nftproxy { comment "mine"; }\nadd chain inet nftproxy precious\n');
    agent = host.startAgent();
    await host.until('a word about it', () => agent.output.includes('was not made by nftproxy'), agent);
    expect(agent.output).toContain('nft delete table inet nftproxy');
    expect(await host.nft('list', 'table', 'inet', 'nftproxy')).toContain('chain precious');
    await host.nft('delete', 'table', 'inet', 'nftproxy');
    await host.firstSync(agent);
    const request = { protocol: 'tcp', address: addresses[4].clusterIP, port: 80 } as const;
    expect((await host.request('clientPod', request))[0]?.error).toBeUndefined();
  });

  it('because another agent owns the table leaves it to that one', async () => {
    const second = host.startAgent({
      args: ['--healthz-bind-address=127.0.0.1:20256', '--metrics-bind-address=127.0.0.1:20249'],
    });
    await host.until('its complaint', () => second.output.includes('owned by another process'), second);
    await second.end('SIGTERM');
    await host.slice('web-4', slice('web', 4, []));
    const request = { protocol: 'tcp', address: addresses[4].clusterIP, port: 80 } as const;
    const error = async () => (await host.request('clientPod', request))[0]?.error;
    await host.until('the first agent’s next write', async () => (await error()) === 'ECONNREFUSED', agent);
  });
});
