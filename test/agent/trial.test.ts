import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { AgentRig } from './agent-rig.ts';
import { addresses, service, slice } from '../support/node/index.ts';

let host: AgentRig;
let agent: ManagedProcess;
const { clusterIP, clientPod } = addresses[4];
/** The address that this node connects to Services from; the network beyond lets nobody use it. */
const second = '198.51.100.1';
/** Calls that address a pod's: its connections are then not masqueraded, and get nowhere. */
const wrong = { clusterCIDRs: ['128.0.0.0/1'] };

beforeAll(async () => {
  host = await AgentRig.create();
  await host.service('web', service());
  await host.slice('web-4', slice('web', 4, ['remotePod']));
  agent = await host.startedAgent();
  await host.node.run('ip', ['address', 'add', `${second}/32`, 'dev', 'lo']);
  await host.node.run('ip', ['route', 'add', '10.96.0.0/16', 'via', '172.30.0.2', 'src', second]);
  await host.node.nft(
    `add table ip network
     add chain ip network out { type filter hook postrouting priority 200; }
     add rule ip network out ip saddr ${second} drop\n`,
  );
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

const request = { protocol: 'tcp', address: clusterIP, port: 80, timeoutMilliseconds: 1000 } as const;
const reaches = async () => (await host.request('node', request))[0]?.error === undefined;
const rolledBack = () => agent.output.split('settings were rolled back').length - 1;

describe('a setting that cuts the node off from Services', () => {
  it('is rolled back by the agent itself, the API server being away, and is told by name', async () => {
    expect(await reaches()).toBe(true);
    await host.disconnect();
    await host.configure(wrong);
    await host.until('the roll-back', () => rolledBack() === 1, agent);
    await host.until('connections', reaches, agent);
    expect(agent.output).toContain(`could not with them: Service default/web (${clusterIP}:80)`);
    expect((await host.metrics()).get('nftproxy_node_settings_refused')).toBe(1);
    const { status, body } = await host.get('node', 'http://127.0.0.1:10256/readyz');
    expect([status, body]).toEqual([503, expect.stringContaining('were rolled back') as string]);
  });

  it('holds up no endpoint, and is not tried again by itself', async () => {
    await host.connect();
    await host.slice('web-4', slice('web', 4, []));
    await host.until(
      'no endpoints',
      async () => (await host.request('clientPod', request))[0]?.error !== undefined,
      agent,
    );
    await host.slice('web-4', slice('web', 4, ['remotePod']));
    await host.until('endpoints', reaches, agent);
    expect(rolledBack()).toBe(1);
  });

  it('is rolled back by an agent that restarts with it, too', async () => {
    await agent.end('SIGTERM');
    agent = await host.startedAgent();
    await host.until('the roll-back', () => rolledBack() === 1, agent);
    await host.until('connections', reaches, agent);
  });

  it('gives way to one that leaves everything working, and the agent is ready', async () => {
    await host.configure({ masqueradeAll: true });
    const client = async () => (await host.request('clientPod', request))[0]?.client;
    await host.until('masquerading', async () => !(await client())?.startsWith(`${clientPod}:`), agent);
    const ready = async () => (await host.get('node', 'http://127.0.0.1:10256/readyz')).status === 200;
    await host.until('ready', ready, agent);
    expect(rolledBack()).toBe(1);
  });
});
