import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadFollower } from '../../src/agent/sync/index.ts';
import { loadTable } from '../../src/dataplane/balancing/index.ts';
import { queuesUnder } from './queues.ts';
import type { Queues } from './queues.ts';
import { endpointAddress, flowsOf, serviceAddress } from './objects.ts';
import { Rig } from './rig.ts';
import { sumOf } from './statistics.ts';

const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
let rig: Rig;

beforeAll(async () => {
  rig = await Rig.create(10);
  await rig.serve(numbers, [8080, 8081]);
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

describe('least-connections', () => {
  it('keeps the longest queue well below that of random when one endpoint is slow', async () => {
    rig.setService('random', { number: 1, algorithm: 'random' });
    rig.setService('least', { number: 2, algorithm: 'least-connections' });
    // A port each: the same endpoints, but connections are counted by endpoint and port.
    rig.setEndpoints('random', numbers, 8080);
    rig.setEndpoints('least', numbers, 8081);
    await rig.run();
    const load = { arrivals: 1500, hold: 40, slowHold: 400, lookEvery: 100 };
    const [random, least] = (await queuesUnder(rig, [1, 2], load)) as [Queues, Queues];
    const settled = [random, least].map(({ longest }) => longest.slice(load.slowHold));
    const [randomMean = 0, leastMean = 0] = settled.map((queues) => sumOf(queues) / queues.length);
    const [randomMost, leastMost] = settled.map((queues) => Math.max(...queues));
    console.log(
      `longest queue, random: ${randomMost} (mean ${randomMean.toFixed(1)}, ${random.toSlow} of ${load.arrivals} ` +
        `to the slow one); least-connections: ${leastMost} (mean ${leastMean.toFixed(1)}, ${least.toSlow} to the slow one)`,
    );
    expect(leastMean).toBeLessThan(0.7 * randomMean);
    expect(least.toSlow).toBeLessThan(0.7 * random.toSlow);
  }, 180_000);

  it('gives back what it took once the slow endpoint has recovered', async () => {
    await rig.forgetConnections();
    await rig.followLoad();
    const { byEndpoint } = await rig.flows(flowsOf(2000, { service: 2, clients: 20 }));
    for (const number of numbers) expect(byEndpoint.get(endpointAddress(4, number))).toBeGreaterThan(100);
  }, 60_000);

  it('writes nothing while the load is as it was', async () => {
    await rig.forgetConnections();
    await rig.followLoad();
    expect(await rig.followLoad()).toBe(0);
  }, 60_000);

  it('shares by weight as long as nobody is busier than another', async () => {
    rig.setEndpoints('least', [
      { endpoint: 1, weight: 10 },
      { endpoint: 2, weight: 30 },
      { endpoint: 3, weight: 0 },
    ]);
    await rig.run();
    await rig.forgetConnections();
    await rig.followLoad();
    const { byEndpoint, total } = await rig.flows(flowsOf(2000, { service: 2, clients: 20 }));
    expect([...byEndpoint.keys()].sort()).toEqual([endpointAddress(4, 1), endpointAddress(4, 2)]);
    expect((byEndpoint.get(endpointAddress(4, 1)) ?? 0) / total).toBeLessThan(0.5);
  }, 60_000);

  it('never leaves an endpoint without any connection, however busy it is', async () => {
    rig.setEndpoints('least', [1, 2], 8081);
    await rig.run();
    const client = await rig.clients.resident();
    for (let connection = 0; connection < 60; connection++) await client.open(serviceAddress(4, 2));
    rig.setEndpoints('least', [1, 2, 3], 8081);
    await rig.run();
    await rig.followLoad();
    const reached = new Set<string>();
    for (let attempt = 0; attempt < 100; attempt++) reached.add((await client.open(serviceAddress(4, 2))).server);
    expect(reached.size).toBe(3);
  }, 60_000);

  it('gives a new endpoint its share at once, before the next look at the load', async () => {
    rig.setEndpoints('least', [1, 2], 8081);
    await rig.run();
    await rig.followLoad();
    rig.setEndpoints('least', [1, 2, 3], 8081);
    await rig.run();
    const { byEndpoint, total } = await rig.flows(flowsOf(1000, { service: 2, clients: 20 }));
    expect((byEndpoint.get(endpointAddress(4, 3)) ?? 0) / total).toBeGreaterThan(0.2);
  }, 60_000);

  it('rewrites few slots when the load of one endpoint moves', () => {
    const endpoints = numbers.map((number) => ({ address: `10.0.0.${number}`, port: 80, local: false, weight: 64 }));
    const before = loadTable(endpoints);
    const after = loadTable(endpoints.map((one, index) => (index === 4 ? { ...one, weight: 48 } : one)));
    const changed = before.filter(({ address }, slot) => after[slot]?.address !== address).length;
    expect(before).toHaveLength(160);
    expect(changed).toBeGreaterThan(0);
    expect(changed).toBeLessThanOrEqual(8);
  });

  it('reads no connections when no Service asks for it', async () => {
    const looks: string[] = [];
    const follower = new LoadFollower({
      scan: ({ family, protocol }) => {
        looks.push(`${protocol ?? 'all'}${family}`);
        return Promise.resolve();
      },
    });
    await follower.look([...rig.state.loadBalanced].filter(({ algorithm }) => algorithm === 'random'));
    expect(looks).toEqual([]);
    await follower.look([...rig.state.loadBalanced].filter(({ protocol }) => protocol === 'tcp'));
    expect(looks.sort()).toEqual(['tcp4', 'tcp6']);
  });
});
