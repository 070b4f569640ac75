import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../support/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import type { AgentRig } from './agent-rig.ts';
import { changeOne, kernelAgreesWithList, servingMany } from './many-services.ts';
import { endpoints, untilServedBy, visitsDuring } from './under-traffic.ts';

const { localPod, remotePod } = addresses[4];
const services = 30;
const both = ['localPod', 'remotePod'] as const;
let host: AgentRig;
let agent: ManagedProcess;

beforeAll(async () => {
  ({ host, agent } = await servingMany(services));
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

const agreement = () => host.until('what a fresh list says', () => kernelAgreesWithList(host), agent);

async function changes(random: Random, count: number): Promise<void> {
  for (let change = 0; change < count; change++) await changeOne(host, random, services);
}

/** What an API server may do to those who watch. */
const storms = [
  () => {
    host.apiServer.expireWatches();
  },
  () => {
    host.apiServer.compact();
  },
  () => host.restartApiServer(),
  // All that is stored, without a history: whoever comes back is told 410.
  () => host.restartApiServer(host.apiServer.store.backup()),
  async () => {
    await host.disconnect();
    await host.connect();
  },
] as const;

describe('under connections that keep coming', { timeout: 180_000 }, () => {
  it('none fails in a storm of reset watches, 410s and restarts of the API server, and nothing is missed', async () => {
    const random = new Random(6);
    const { errors, servers } = await visitsDuring(host, async () => {
      for (let round = 0; round < 60; round++) {
        await changes(random, 5);
        await random.pick(storms)();
        if (round % 10 === 0) await endpoints(host, ...random.pick([['localPod'], ['remotePod'], both] as const));
      }
      await endpoints(host, ...both);
      await agreement();
      await untilServedBy(host, agent, localPod, remotePod);
    });
    expect(errors).toEqual([]);
    expect([...servers].sort()).toEqual([localPod, remotePod]);
    expect(agent.running).toBe(true);
  });

  it('none fails when the API server is put back to a backup; its state is taken over, and what comes after it', async () => {
    const random = new Random(7);
    await endpoints(host, 'localPod');
    const backup = host.apiServer.store.backup();
    await changes(random, 100);
    await endpoints(host, 'remotePod');
    await agreement();
    const { errors, servers } = await visitsDuring(host, async () => {
      await host.restartApiServer(backup);
      await untilServedBy(host, agent, localPod);
      await agreement();
      await changes(random, 10);
      await endpoints(host, ...both);
      await untilServedBy(host, agent, localPod, remotePod);
      await agreement();
    });
    expect(errors).toEqual([]);
    expect([...servers].sort()).toEqual([localPod, remotePod]);
    expect(agent.output).toContain('its database was put back to an earlier state');
  });

  it('none fails when versions of a backup come to stand for something else before anybody has looked', async () => {
    const backup = host.apiServer.store.backup();
    await endpoints(host, 'localPod');
    await changes(new Random(8), 20);
    await untilServedBy(host, agent, localPod);
    await agreement();
    const { errors } = await visitsDuring(host, async () => {
      await host.disconnect();
      await host.restartApiServer(backup);
      // The very version that stood for the one endpoint before.
      await endpoints(host, 'remotePod');
      await host.connect();
      await untilServedBy(host, agent, remotePod);
      await agreement();
    });
    expect(errors).toEqual([]);
  });
});
