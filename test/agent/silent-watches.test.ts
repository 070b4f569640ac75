import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { addresses, service } from '../support/node/index.ts';
import { AgentRig } from './agent-rig.ts';
import { endpoints, untilServedBy, visitsDuring } from './under-traffic.ts';

const { localPod, remotePod } = addresses[4];
let host: AgentRig;

afterEach(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

/** An agent that serves `web` by the local pod, of an API server that has no bookmark for anybody. */
async function started(hurry: number): Promise<ManagedProcess> {
  const never = 2 ** 31 - 1;
  host = await AgentRig.create({ bookmarks: { first: never, every: never } });
  await host.service('web', service());
  await endpoints(host, 'localPod');
  const agent = host.startAgent({ hurry });
  await host.firstSync(agent);
  await untilServedBy(host, agent, localPod);
  return agent;
}

const relists = async () => (await host.metrics()).get('nftproxy_watch_relists_total{resource="endpointslices"}') ?? 0;

describe('an agent whose API server says nothing', { timeout: 240_000 }, () => {
  it('for an hour and a half, not even by a bookmark, follows the next change at once, and has not asked for all again and again', async () => {
    // A minute of the agent's is half a second of ours.
    const agent = await started(120);
    const { errors, servers } = await visitsDuring(host, async () => {
      await sleep(45_000);
      // One comparison each 20 to 40 minutes, and none because of the silence.
      expect(await relists()).toBeLessThanOrEqual(6);
      await endpoints(host, 'remotePod');
      await untilServedBy(host, agent, remotePod);
    });
    expect(errors).toEqual([]);
    expect([...servers].sort()).toEqual([localPod, remotePod]);
  });

  it('because packets are dropped on the way finds that out by itself, and catches up when the way is free', async () => {
    const agent = await started(1);
    const { errors, servers } = await visitsDuring(host, async () => {
      await host.node.nft(
        `add table ip firewall
         add chain ip firewall in { type filter hook input priority 0; }
         add rule ip firewall in tcp dport 6443 drop
         add rule ip firewall in tcp sport 6443 drop\n`,
      );
      await endpoints(host, 'remotePod');
      await host.until('a word about it', () => agent.output.includes('cannot follow the API server'), agent);
      await host.node.nft('delete table ip firewall\n');
      await untilServedBy(host, agent, remotePod);
    });
    expect(errors).toEqual([]);
    expect([...servers].sort()).toEqual([localPod, remotePod]);
  });
});
