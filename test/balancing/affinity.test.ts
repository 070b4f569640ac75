import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { algorithms } from '../../src/services/index.ts';
import { endpointAddress, flowsOf } from './objects.ts';
import { Rig } from './rig.ts';

/** No multiple of the number of endpoints, or round robin would serve each client alike without affinity. */
const clients = 61;
let rig: Rig;

beforeAll(async () => {
  rig = await Rig.create(4);
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** The one endpoint that each client gets with three connections. */
async function visit(): Promise<Map<string, string>> {
  return (await rig.flows(flowsOf(3 * clients, { clients }))).endpointOf();
}

function sentTo(endpoint: string, choices: ReadonlyMap<string, string>): number {
  return [...choices.values()].filter((one) => one === endpoint).length;
}

describe.each(algorithms)('session affinity with %s', (algorithm) => {
  it('keeps every client where the algorithm sent it first, until that endpoint leaves', async () => {
    rig.setService('web', undefined);
    await rig.run();
    rig.setService('web', { algorithm, affinitySeconds: 300 });
    rig.setEndpoints('web', [1, 2, 3]);
    await rig.run();
    const first = await visit();
    expect(first.size).toBe(clients);
    expect(new Set(first.values()).size).toBe(3);

    // A new endpoint would get clients of every algorithm, but those who are here stay.
    rig.setEndpoints('web', [1, 2, 3, 4]);
    await rig.run();
    expect(await visit()).toEqual(first);

    const gone = endpointAddress(4, 2);
    rig.setEndpoints('web', [1, 3, 4]);
    await rig.run();
    const after = await visit();
    expect([...after.values()]).not.toContain(gone);
    for (const [client, endpoint] of first) if (endpoint !== gone) expect(after.get(client)).toBe(endpoint);

    // Drained by weight 0, too: its clients are new connections elsewhere.
    rig.setEndpoints('web', [{ endpoint: 1, weight: 0 }, 3, 4]);
    await rig.run();
    expect([...(await visit()).values()]).not.toContain(endpointAddress(4, 1));
  }, 60_000);

  it('leaves it to the algorithm who goes where at first', async () => {
    rig.setService('web', undefined);
    await rig.run();
    rig.setService('web', { algorithm, affinitySeconds: 300 });
    rig.setEndpoints('web', [1, 2, 3, 4]);
    await rig.run();
    const sticky = await visit();
    if (algorithm === 'round-robin') {
      const shares = [1, 2, 3, 4].map((number) => sentTo(endpointAddress(4, number), sticky));
      expect(shares.sort()).toEqual([15, 15, 15, 16]);
    }
    rig.setService('web', { algorithm });
    await rig.run();
    const hashes = algorithm === 'source-hash' || algorithm === 'maglev';
    if (hashes) expect(await visit()).toEqual(sticky);
    else await expect(visit()).rejects.toThrow('got');
  }, 60_000);
});
