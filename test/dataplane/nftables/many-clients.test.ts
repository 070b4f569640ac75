import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NftablesSocket, Transaction } from '../../../src/nftables/index.ts';
import type { Element, SetDefinition } from '../../../src/nftables/index.ts';
import { endpointAddress, flowsOf, Rig, serviceAddress } from '../../balancing/index.ts';

const clients = 60;
const strangers = 60_000;
const gone = endpointAddress(4, 2);

let rig: Rig;
let foreigner: NftablesSocket;

beforeAll(async () => {
  rig = await Rig.create(3);
  // Without an owner: the test fills in the strangers.
  await rig.space.nft('add table inet nftproxy { comment "nftproxy data plane"; }');
  foreigner = NftablesSocket.open({ namespacePath: rig.space.path });
  await serve({ web: [1, 2, 3], other: [1] });
});

afterAll(async () => {
  foreigner.close();
  await rig[Symbol.asyncDispose]();
});

async function serve({ web, other }: { web: readonly number[]; other: readonly number[] }): Promise<void> {
  rig.setService('web', { affinitySeconds: 10_800 });
  rig.setService('other', { number: 2 });
  rig.setEndpoints('web', web);
  rig.setEndpoints('other', other);
  await rig.run();
}

async function affinityMaps(): Promise<SetDefinition[]> {
  const sets = await foreigner.sets('nftproxy');
  return sets.flatMap(({ name, definition }) => (definition && name.startsWith('affinity4_') ? definition : []));
}

/** Clients that have been there and do not come any more, with all three endpoints. */
async function fill(map: SetDefinition): Promise<void> {
  const stranger = (number: number): Element => ({
    set: map.name,
    key: `20.0.${number >> 8}.${number & 255}`,
    data: `${endpointAddress(4, 1 + (number % 3))} . 8080`,
    timeoutSeconds: 10_800,
  });
  for (let from = 0; from < strangers; from += 10_000) {
    const part = Array.from({ length: 10_000 }, (_, index) => stranger(from + index));
    await foreigner.commit(new Transaction('nftproxy').addElements(map, part));
  }
}

const visit = () => rig.flows(flowsOf(clients, { clients }));

function at(endpoint: string, choices: ReadonlyMap<string, string>): string[] {
  return [...choices].filter(([, each]) => each === endpoint).map(([client]) => client);
}

describe('an endpoint that leaves a Service with very many remembered clients', () => {
  it('gets no new connection any more; its clients lose one packet and stay elsewhere, all others stay', async () => {
    const first = (await visit()).endpointOf();
    const its = at(gone, first);
    expect(its.length).toBeGreaterThan(0);
    for (const map of await affinityMaps()) await fill(map);

    rig.setEndpoints('web', [1, 3]);
    await rig.run();
    const meanwhile = await visit();
    expect(meanwhile.byEndpoint.has(gone)).toBe(false);
    expect(meanwhile.untranslated).toBe(0);
    const others = [...first].filter(([client]) => !its.includes(client));
    expect(meanwhile.endpointOf()).toEqual(new Map(others));

    const then = (await visit()).endpointOf();
    expect(then.size).toBe(clients);
    expect(at(gone, then)).toEqual([]);
    for (const [client, endpoint] of others) expect(then.get(client)).toBe(endpoint);
    expect((await visit()).endpointOf()).toEqual(then);
  });

  it('does not hold up what other Services change, nor a restart', async () => {
    await serve({ web: [3], other: [2] });
    expect([...(await rig.flows(flowsOf(20, { service: 2 }))).byEndpoint.keys()]).toEqual([gone]);
    rig.restart({ services: {}, slices: {} });
    await serve({ web: [3], other: [2] });
    await visit();
    const then = await visit();
    expect([...then.byEndpoint]).toEqual([[endpointAddress(4, 3), clients]]);
  });

  it('that left while no agent was there gets nobody either', async () => {
    rig.restart({ services: {}, slices: {} });
    await serve({ web: [2], other: [2] });
    await visit();
    expect([...(await visit()).byEndpoint]).toEqual([[gone, clients]]);
  });

  it('and comes back serves like any other', async () => {
    rig.setEndpoints('web', [3]);
    await rig.run();
    await visit();
    await visit();
    rig.setEndpoints('web', [2, 3]);
    await rig.run();
    rig.setEndpoints('web', [2]);
    await rig.run();
    await visit();
    expect([...(await visit()).byEndpoint]).toEqual([[gone, clients]]);
  });

  it('lets a client connect after a moment: TCP sends its first packet again', async () => {
    await rig.serve([1, 2]);
    const request = () =>
      rig.clients.request({ protocol: 'tcp', address: serviceAddress(4), port: 80, timeoutMilliseconds: 20_000 });
    const [before] = await request();
    expect(before).toMatchObject({ server: `${gone}:8080` });
    rig.setEndpoints('web', [1]);
    await rig.run();
    await rig.forgetConnections();
    expect((await request())[0]).toMatchObject({ server: `${endpointAddress(4, 1)}:8080` });
  });
});
