import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conditionOf } from '../../src/api/index.ts';
import { AgentRig } from './agent-rig.ts';
import type { ManagedProcess } from '../support/index.ts';
import { addresses, loadBalancer, slice } from '../support/node/index.ts';

let host: AgentRig;
let agent: ManagedProcess;
const ip = addresses[4];

beforeAll(async () => {
  host = await AgentRig.create();
  await host.publishCRDs();
  await host.service('web', loadBalancer());
  await host.slice('web-4', slice('web', 4, ['localPod']));
  await host.assign({ onDelete: 'Cleanup' });
  agent = host.startAssignedAgent();
  await host.firstSync(agent);
  await host.until('what is kept on the disk', () => existsSync(kept()), agent);
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

const kept = () => join(host.stateDirectory, 'configuration.json');
const ask = async () =>
  (await host.request('clientPod', { protocol: 'tcp', address: ip.clusterIP, port: 80, timeoutMilliseconds: 1000 }))[0]
    ?.error;
const hasTable = async () => (await host.nft('list', 'tables')).includes('table inet nftproxy');
const synced = async () => conditionOf((await host.nodeState()).status?.conditions, 'Synced')?.reason;
const code = async (path: string) => (await host.get('node', `http://127.0.0.1:10256${path}`)).status;

describe('a node that is to be cleaned up', () => {
  it('has neither rules nor anything on its disk afterwards, says so, and is none for load balancers', async () => {
    expect(await ask()).toBeUndefined();
    await host.orderCleanup();
    await host.until('its word', async () => (await synced()) === 'CleanedUp', agent);
    expect(await hasTable()).toBe(false);
    expect(existsSync(kept())).toBe(false);
    expect([await code('/healthz'), await code('/livez'), await code('/readyz')]).toEqual([503, 200, 200]);
  });

  it('stays so when endpoints change and when its agent restarts', async () => {
    await host.slice('web-4', slice('web', 4, ['remotePod']));
    await agent.end('SIGKILL');
    agent = host.startAssignedAgent();
    await host.until('a word about it', () => agent.output.includes('nothing of it is left'), agent);
    expect(await hasTable()).toBe(false);
  });

  it('serves again, what there is by then, as soon as it is governed', async () => {
    await host.assign();
    await host.until('an answer', async () => (await ask()) === undefined, agent);
    await host.until('its word', async () => (await synced()) === 'UpToDate', agent);
    await host.until('the file', () => existsSync(kept()), agent);
    expect(await code('/healthz')).toBe(200);
  });

  it('takes away what its predecessor left, too, when it is told while no agent runs', async () => {
    await agent.end('SIGKILL');
    expect(await hasTable()).toBe(true);
    await host.orderCleanup();
    agent = host.startAssignedAgent();
    await host.until('its word', async () => (await synced()) === 'CleanedUp', agent);
    expect([await hasTable(), existsSync(kept())]).toEqual([false, false]);
  });
});
