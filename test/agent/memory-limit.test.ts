import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryGroup } from '../support/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import { addresses, service } from '../support/node/index.ts';
import { AgentRig } from './agent-rig.ts';
import { heldByKernel, kernelAgreesWithList, loadMany } from './many-services.ts';
import { endpoints, untilServedBy, visitsDuring } from './under-traffic.ts';

const { localPod, remotePod } = addresses[4];
const attempt = { protocol: 'tcp', address: addresses[4].clusterIP, port: 80 } as const;
const services = 10_000;
const megabyte = 1024 * 1024;
const group = MemoryGroup.create();
let host: AgentRig;
let agent: ManagedProcess;

beforeAll(async () => {
  host = await AgentRig.create();
  await host.service('web', service());
  await endpoints(host, 'localPod', 'remotePod');
  agent = await host.startedAgent();
  await untilServedBy(host, agent, localPod, remotePod);
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
  group?.[Symbol.dispose]();
}, 60_000);

/** An agent in the group, whatever becomes of it. */
function startLimited(): ManagedProcess {
  const started = host.startAgent();
  group?.add(started.pid);
  return started;
}

describe.skipIf(group === undefined)('an agent with a memory limit that is too low', { timeout: 300_000 }, () => {
  it('is killed while 10,000 Services arrive, and again at every start, without a connection that fails', async () => {
    if (group === undefined) throw new Error('there is a group, or this is skipped');
    group.add(agent.pid);
    const { errors, servers } = await visitsDuring(host, async () => {
      group.limit = group.usage + 30 * megabyte;
      loadMany(host, services);
      // What it has of the kernel's and its own memory grows step by step: each time it comes a little further.
      for (let more = 0; more < 3; more++) {
        expect(await agent.ended).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
        group.limit = group.usage + (50 + 20 * more) * megabyte;
        agent = startLimited();
      }
      expect(await agent.ended).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    });
    expect(errors).toEqual([]);
    expect([...servers].sort()).toEqual([localPod, remotePod]);
  });

  it('adopts what is there once it has enough, and has all of them in the kernel, without a connection that fails', async () => {
    if (group === undefined) throw new Error('there is a group, or this is skipped');
    group.limit = undefined;
    const { errors } = await visitsDuring(host, async () => {
      agent = startLimited();
      // The API server and whoever compares 30,000 endpoints share a process: looks at them would keep its lists waiting.
      await host.firstSync(agent);
      await host.until('what a fresh list says', () => kernelAgreesWithList(host), agent);
    });
    expect(errors).toEqual([]);
    expect(await heldByKernel(host)).toHaveLength(3 * services + 2);
  });

  it('follows changes near the limit, which goes down to what it uses', async () => {
    if (group === undefined) throw new Error('there is a group, or this is skipped');
    group.limit = group.usage + 8 * megabyte;
    const { errors } = await visitsDuring(host, async () => {
      for (let round = 0; round < 20; round++) {
        const pod = round % 2 === 0 ? 'localPod' : 'remotePod';
        await endpoints(host, pod);
        // The whole table is more than nft lists in a second: a connection tells.
        const server = async () => (await host.request('clientPod', attempt))[0]?.server;
        await host.until(`${pod} to answer`, async () => (await server()) === `${addresses[4][pod]}:8080`, agent);
      }
    });
    expect(errors).toEqual([]);
    expect(agent.running).toBe(true);
  });
});
