import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataPlaneFactories } from '../../../src/dataplane/index.ts';
import type { DataPlane } from '../../../src/dataplane/index.ts';
import { byId, plainNode, servicePort } from '../../../src/dataplane/testing/index.ts';
import { NftablesSocket, Transaction } from '../../../src/nftables/index.ts';
import { createLogger } from '../../../src/runtime/index.ts';
import { Namespace } from '../../support/index.ts';

let namespace: Namespace;
let dataPlane: DataPlane | undefined;
let foreigner: NftablesSocket;
const clients = 15_000;

beforeEach(async () => {
  namespace = await Namespace.create('expiring');
  // Without an owner: the test fills in the clients.
  await namespace.nft('add table inet nftproxy { comment "nftproxy data plane"; }');
  const log = createLogger({ format: 'text', level: 'error', write: () => undefined });
  dataPlane = dataPlaneFactories({ log, namespacePath: namespace.path })['nftables']?.();
  foreigner = NftablesSocket.open({ namespacePath: namespace.path });
});

afterEach(async () => {
  foreigner.close();
  dataPlane?.close();
  await namespace.destroy();
});

const service = (...endpoints: string[]) => byId([servicePort(1, endpoints, { affinitySeconds: 10 })]);

/** Clients of two endpoints in turn, of whom some thousand expire each second. */
async function fill(): Promise<void> {
  const map = (await foreigner.sets('nftproxy')).find(({ name }) => name.startsWith('affinity4_'))?.definition;
  if (!map) throw new Error('nobody is remembered');
  const elements = Array.from({ length: clients }, (_, client) => ({
    set: map.name,
    key: `20.0.${client >> 8}.${client & 255}`,
    data: `10.244.0.${1 + (client % 2)} . 8080`,
    timeoutSeconds: 1 + ((client * 7919) % 8000) / 1000,
  }));
  for (let start = 0; start < clients; start += 10_000) {
    const tx = new Transaction('nftproxy');
    await foreigner.commit(tx.addElements(map, elements.slice(start, start + 10_000)));
  }
}

/** How many clients each endpoint has. */
async function remembered(): Promise<Record<string, number>> {
  const map = (await foreigner.sets('nftproxy')).find(({ name }) => name.startsWith('affinity4_'))?.definition;
  const counts: Record<string, number> = {};
  for (const { data = '' } of map ? await foreigner.elements('nftproxy', map) : []) {
    counts[data] = (counts[data] ?? 0) + 1;
  }
  return counts;
}

describe('an endpoint that leaves while thousands of remembered clients expire', () => {
  it('is forgotten by all of its clients, and the change goes through', async () => {
    await dataPlane?.start(service('10.244.0.1', '10.244.0.2'), plainNode);
    await fill();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect((await dataPlane?.apply(service('10.244.0.1')))?.refused).toEqual([]);
    expect(Object.keys(await remembered())).toEqual(['10.244.0.1 . 8080']);
  });

  it('is forgotten at a start, too', async () => {
    await dataPlane?.start(service('10.244.0.1', '10.244.0.2'), plainNode);
    await fill();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await dataPlane?.start(service('10.244.0.1'), plainNode);
    expect(Object.keys(await remembered())).toEqual(['10.244.0.1 . 8080']);
  });
});
