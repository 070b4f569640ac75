import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { algorithms } from '../../src/services/index.ts';
import { readArrivals } from './arrivals.ts';
import { Flood } from './flood.ts';
import { endpointAddress, serviceAddress } from './objects.ts';
import type { EndpointChoice, ServiceChoice } from './objects.ts';
import { Rig } from './rig.ts';
import type { Resident, Visit } from '../support/index.ts';

const numbers = [1, 2, 3, 4, 5, 6];
let rig: Rig;
let client: Resident;

beforeAll(async () => {
  rig = await Rig.create(6);
  await rig.serve(numbers);
  client = await rig.clients.resident();
  rig.setService('web', {});
  rig.setEndpoints('web', numbers);
  await rig.run();
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

const web = serviceAddress(4);

/** Endpoints that new connections reach. */
async function reached(attempts = 60): Promise<Set<string>> {
  const servers = new Set<string>();
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { id, server } = await client.open(web);
    servers.add(server);
    await client.hangUp(id);
  }
  return servers;
}

describe.each(algorithms)('weight 0 with %s', (algorithm) => {
  it('drains an endpoint: its connections go on, new ones go elsewhere', async () => {
    rig.setService('web', { algorithm });
    rig.setEndpoints('web', [1, 2, 3]);
    await rig.run();
    const { id, server } = await client.open(web);
    const weighed = [1, 2, 3].map((endpoint) => ({ endpoint, weight: server.endsWith(`.${endpoint}`) ? 0 : 1 }));
    rig.setEndpoints('web', weighed);
    await rig.run();
    expect(await client.talk(id)).toBe(server);
    expect(await reached()).not.toContain(server);
    rig.setEndpoints(
      'web',
      [1, 2, 3].map((endpoint) => ({ endpoint, weight: 0 })),
    );
    await rig.run();
    await expect(client.open(web)).rejects.toThrow('ECONNREFUSED');
    expect(await client.talk(id)).toBe(server);
    rig.setEndpoints('web', weighed);
    await rig.run();
    expect(await reached(5)).not.toContain(server);
    expect(await client.talk(id)).toBe(server);
    await client.hangUp(id);
  }, 60_000);
});

/** One change of the Service or its endpoints. */
interface Step {
  readonly service?: ServiceChoice;
  readonly endpoints?: readonly (number | EndpointChoice)[];
}

function* steps(): Generator<Step> {
  for (const algorithm of algorithms) {
    yield { service: { algorithm } };
    for (const endpoints of [[1, 2, 3], [2, 3, 4, 5], [3, 5], [1, 2, 3, 4, 5, 6], [6], [2, 4, 6]]) yield { endpoints };
    yield { endpoints: [{ endpoint: 2, weight: 3 }, { endpoint: 4, weight: 0 }, 6] };
    yield { service: { algorithm, affinitySeconds: 60 }, endpoints: [1, 3, 5] };
    yield { endpoints: [3, 4] };
    yield { service: { algorithm }, endpoints: [5, 6] };
  }
}

/** Which endpoints the node may have used, from the end of one commit to the end of the next. */
interface Epoch {
  readonly from: bigint;
  readonly until: bigint;
  readonly allowed: ReadonlySet<string>;
}

const openTo = (choices: readonly (number | EndpointChoice)[]): Set<string> =>
  new Set(
    choices.flatMap((choice) => {
      if (typeof choice === 'number') return endpointAddress(4, choice);
      return choice.weight > 0 ? endpointAddress(4, choice.endpoint) : [];
    }),
  );

describe('under continuous new connections', () => {
  it('changes of algorithm, weights and endpoints fail none, and nobody reaches an endpoint that has gone', async () => {
    rig.setService('web', { algorithm: 'random' });
    rig.setEndpoints('web', numbers);
    await rig.run();
    const lasting = await client.open(web);
    // Before the flood begins: its first connections are over before we hear that it has begun.
    let from = process.hrtime.bigint();
    await client.flood({ address: web, port: 80, concurrency: 4 });
    const epochs: Epoch[] = [];
    let allowed = openTo(numbers);
    for (const { service, endpoints } of steps()) {
      if (service) rig.setService('web', service);
      if (endpoints) rig.setEndpoints('web', endpoints);
      await rig.run();
      const now = process.hrtime.bigint();
      // While the commit is under way the old endpoints are right as well as the new ones.
      epochs.push({ from, until: now, allowed: endpoints ? union(allowed, openTo(endpoints)) : allowed });
      if (endpoints) allowed = openTo(endpoints);
      from = now;
      expect(await client.talk(lasting.id)).toBe(lasting.server);
      await someMore();
    }
    const visits = await client.endFlood();
    epochs.push({ from, until: process.hrtime.bigint(), allowed });
    expect(visits.filter(({ error }) => error !== undefined)).toEqual([]);
    console.log(`${visits.length} connections during ${epochs.length} changes`);
    expect(visits.length).toBeGreaterThan(epochs.length);
    expect(visits.filter((visit) => isWrong(visit, epochs))).toEqual([]);
    await client.hangUp(lasting.id);
  }, 180_000);
});

const union = (a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> => new Set([...a, ...b]);

/** Time for some connections of the flood, by a connection of our own: no clock decides. */
async function someMore(): Promise<void> {
  for (let connection = 0; connection < 5; connection++) {
    const { id } = await client.open(web);
    await client.hangUp(id);
  }
}

/** A connection was balanced at some time between its start and its answer. */
function isWrong({ started, ended, server }: Visit, epochs: readonly Epoch[]): boolean {
  const possible = epochs.filter(({ from, until }) => from <= ended && until >= started);
  return server === undefined || !possible.some(({ allowed }) => allowed.has(server));
}

describe('while flows keep coming at full speed', () => {
  it('no packet leaves the node untranslated, however often the algorithm changes', async () => {
    rig.setEndpoints('web', [1, 2, 3, 4]);
    await rig.run();
    await readArrivals(rig.endpoints);
    const flood = await Flood.start(rig);
    // Each change to round-robin makes a chain, and each change back removes it.
    for (let change = 0; change < 1000; change++) {
      rig.setService('web', { algorithm: change % 2 === 0 ? 'round-robin' : 'random' });
      await rig.run();
      // So that the flood's source ports are new connections again.
      if (change % 100 === 0) await rig.forgetConnections();
    }
    const sent = await flood.stop();
    const { total, untranslated } = await readArrivals(rig.endpoints);
    console.log(`1000 changes under ${sent} flows: ${sent - total} did not arrive, ${untranslated} untranslated`);
    expect(untranslated).toBe(0);
  }, 180_000);
});
