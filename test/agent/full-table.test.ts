import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagedProcess, Resident } from '../support/index.ts';
import { addresses, service } from '../support/node/index.ts';
import { AgentRig } from './agent-rig.ts';
import { fillerClients, TableFiller } from './table-filler.ts';
import { endpoints, untilServedBy, visitsDuring } from './under-traffic.ts';

const { clusterIP, localPod, remotePod } = addresses[4];
let host: AgentRig;
let agent: ManagedProcess;
let client: Resident;
let filler: TableFiller;

beforeAll(async () => {
  host = await AgentRig.create();
  await host.publishCRDs();
  await host.assign();
  await host.service('web', service());
  await endpoints(host, 'localPod');
  agent = host.startAssignedAgent();
  await host.firstSync(agent);
  client = await host.resident('clientPod');
  filler = new TableFiller(host.node.path);
}, 120_000);

afterAll(async () => {
  filler[Symbol.dispose]();
  await host[Symbol.asyncDispose]();
}, 60_000);

const attempt = { protocol: 'tcp', address: clusterIP, port: 80, timeoutMilliseconds: 1500 } as const;
/** A client that sends on and on from one port. */
const flow = { address: clusterIP, port: 80, flows: 1, everyMilliseconds: 100 };

describe('a node whose table of connections is full', { timeout: 240_000 }, () => {
  let held: { id: number };

  it('loses new connections by the kernel’s doing; what is open stays, and the agent goes on and says what happens', async () => {
    held = await client.open(clusterIP);
    await client.stream(flow);
    // So long it takes until the kernel has seen more than a question and an answer, and gives the flow up for nobody.
    await sleep(3000);
    expect(await filler.fill()).toBeGreaterThan(10_000);
    await host.until(
      'a new connection to fail, and a word about it',
      async () => {
        await filler.fill();
        const [answer] = await host.request('clientPod', attempt);
        return answer?.error === 'ETIMEDOUT' && agent.output.includes('the table of connections is full');
      },
      agent,
    );
    expect(agent.output).toMatch(/WARN {2}the table of connections is full \(nf_conntrack_max is \d+\).* dropped=\d+/);
    expect(await client.talk(held.id)).toBe(localPod);
    expect(agent.running).toBe(true);
  });

  it('has its endpoints followed and its stale connections freed, which is the one room that there is', async () => {
    await filler.fill();
    await endpoints(host, 'remotePod');
    await untilServedBy(host, agent, remotePod);
    await host.until('the stale connection to go', () => agent.output.includes('deleted stale'), agent);
    await sleep(2000);
    const [{ servers } = { servers: [] }] = await client.endStream();
    expect(servers).toEqual([localPod, remotePod]);
    // To an endpoint that has left Services and goes on, as one does that ends gracefully.
    expect(await client.talk(held.id)).toBe(localPod);
  });

  it('is in order as soon as there is room, and what was lost is in metrics and an Event', async () => {
    await host.node.run('conntrack', ['-D', '-s', fillerClients]);
    const { errors, servers } = await visitsDuring(host, async () => {
      await endpoints(host, 'localPod', 'remotePod');
      await untilServedBy(host, agent, localPod, remotePod);
    });
    expect([errors, servers]).toEqual([[], new Set([localPod, remotePod])]);
    await host.until(
      'the metrics of a table with room',
      async () => {
        const metrics = await host.metrics();
        const of = (name: string): number => metrics.get(`nftproxy_conntrack_${name}`) ?? 0;
        return of('entries') > 0 && of('entries') < of('entries_limit') / 2;
      },
      agent,
    );
    expect((await host.metrics()).get('nftproxy_conntrack_dropped_total')).toBeGreaterThan(0);
    const { items } = await host.client.listAll<{ reason: string; note: string }>('/apis/events.k8s.io/v1/events');
    expect(items).toContainEqual(
      expect.objectContaining({
        reason: 'ConnectionTableFull',
        note: expect.stringContaining('nf_conntrack_max') as string,
      }),
    );
    expect(await client.talk(held.id)).toBe(localPod);
  });
});
