import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { service, slice } from '../services/objects.ts';
import { addresses } from '../services/rig.ts';
import { AgentRig } from './agent-rig.ts';

let host: AgentRig;

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
  it(
    'without CAP_NET_ADMIN says so, keeps trying, and turns unhealthy after a minute',
    { timeout: 120_000 },
    async () => {
      const agent = host.startAgent({ bounding: '-net_admin' });
      await host.until('a word about it', () => agent.log.includes('CAP_NET_ADMIN'), agent);
      expect(agent.log).toContain('sync failed; the kernel keeps what it has');
      // A first sync that fails is not unhealthy yet: the next may go well.
      expect(await health('/healthz')).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 45_000));
      await host.until('503', async () => (await health('/healthz')) === 503, agent);
      expect(await health('/livez')).toBe(503);
      expect(agent.running).toBe(true);
      await agent.end('SIGTERM');
    },
  );

  it('because of a foreign table of its name says whose it is, changes nothing, and takes over once it is gone', async () => {
    await host.rig.node.nft('add table inet nftproxy { comment "mine"; }\nadd chain inet nftproxy precious\n');
    const agent = host.startAgent();
    await host.until('a word about it', () => agent.log.includes('was not made by nftproxy'), agent);
    expect(agent.log).toContain('nft delete table inet nftproxy');
    expect(await host.rig.nft('list', 'table', 'inet', 'nftproxy')).toContain('chain precious');
    await host.rig.nft('delete', 'table', 'inet', 'nftproxy');
    await host.until('the first sync', () => agent.log.includes(' synced '), agent);
    const request = { protocol: 'tcp', address: addresses[4].clusterIP, port: 80 } as const;
    expect((await host.request('clientPod', request))[0]?.error).toBeUndefined();
  });
});
