import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataPlaneFactories } from '../../../src/dataplane/index.ts';
import type { DataPlane, DesiredPort } from '../../../src/dataplane/index.ts';
import { byId, plainNode, servicePort } from '../../../src/dataplane/testing/index.ts';
import { NftablesSocket } from '../../../src/nftables/index.ts';
import { createLogger } from '../../../src/runtime/index.ts';
import { Namespace } from '../../support/index.ts';

const services = 10_000;
const endpoints = ['10.244.0.1', '10.244.0.2', '10.244.0.3'];
const address = (number: number): string => `10.96.${number >> 8}.${number & 255}`;

function service(number: number): DesiredPort {
  const { port } = servicePort(number, endpoints);
  const frontends = [{ kind: 'ClusterIP', address: address(number), port: 80, policy: 'Cluster' } as const];
  return { port: { ...port, frontends } };
}

const wanted = byId(Array.from({ length: services }, (_, number) => service(number)));

let namespace: Namespace;
let dataPlane: DataPlane;
let foreigner: NftablesSocket;

beforeAll(async () => {
  namespace = await Namespace.create('foreign');
  // A table that was made without an owner never gets one, as on kernels that know none.
  await namespace.nft('add table inet nftproxy { comment "nftproxy data plane"; }');
  const log = createLogger({ format: 'text', level: 'error', write: (line) => process.stderr.write(line) });
  const open = dataPlaneFactories({ log, namespacePath: namespace.path })['nftables'];
  if (!open) throw new Error('there is no mode nftables');
  dataPlane = open();
  await dataPlane.start(wanted, plainNode);
  foreigner = NftablesSocket.open({ namespacePath: namespace.path });
});

afterAll(async () => {
  foreigner.close();
  dataPlane.close();
  await namespace.destroy();
});

/** Sets and chains as the kernel calls them now, in a command of `nft`. */
async function asOurs(command: string): Promise<string> {
  const chains = await namespace.run('nft', ['list', 'chain', 'inet', 'nftproxy', 'prerouting_first']);
  const [, generation = ''] = /"generation (\d+)"/.exec(chains) ?? [];
  return command.replaceAll('@', `inet nftproxy `).replaceAll('#', `.${generation}`);
}

const plain = (name: string): string => name.replace(/\.\d+$/, '');

/** All that packets meet, but for what was counted: by `nft` it would take half a minute. */
async function contents(): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for (const { name, definition } of await foreigner.sets('nftproxy')) {
    const elements = definition ? await foreigner.elements('nftproxy', definition) : [];
    found.set(`set ${plain(name)}`, elements.map(({ key, data }) => `${key} : ${plain(data ?? '')}`).sort());
  }
  for (const { name, base } of await foreigner.chains('nftproxy')) {
    const rules = await foreigner.rules('nftproxy', name);
    found.set(`chain ${plain(name)}`, [base, rules.map(({ fingerprint }) => (base ? '' : fingerprint))]);
  }
  return found;
}

const one = '10.96.7.7 . tcp . 80';

describe('a table without an owner with 10,000 Services, of which another program', () => {
  it.each([
    ['changes a verdict', `delete element @services4# { ${one} }; add element @services4# { ${one} : accept }`],
    ['deletes an element', 'delete element @cluster_ips4# { 10.96.7.7 }'],
    ['adds an element', 'add element @cluster_ips4# { 10.97.1.1 }'],
    [
      'puts an element in the place of another',
      `delete element @cluster_ips4# { 10.96.7.7 }; add element @cluster_ips4# { 10.97.1.1 }`,
    ],
    [
      'sends an endpoint’s connections elsewhere',
      `delete element @endpoints4# { ${one} . 1 }; add element @endpoints4# { ${one} . 1 : 192.0.2.1 . 22 }`,
    ],
    ['flushes a map', 'flush map @endpoints4#'],
    ['deletes a range', 'delete element @service_cidrs4# { 10.96.0.0/16 }'],
    ['replaces a rule', 'flush chain @refuse#; add rule @refuse# drop'],
    ['adds a base chain', 'add chain @theirs { type nat hook prerouting priority -150; }; add rule @theirs drop'],
  ])('%s, is repaired by the next look', async (_title, command) => {
    const before = await contents();
    expect(await dataPlane.verify()).toBe('intact');
    await namespace.nft(await asOurs(command));
    expect(await dataPlane.verify()).toBe('changed');
    await dataPlane.start(wanted, plainNode);
    expect(await contents()).toEqual(before);
    expect(await dataPlane.verify()).toBe('intact');
  });

  it('changes something that we change ourselves at the same moment, is repaired all the same', async () => {
    const before = await contents();
    await namespace.nft(
      await asOurs(`delete element @services4# { ${one} }; add element @services4# { ${one} : accept }`),
    );
    await dataPlane.apply(byId([service(8), service(9)]));
    const without = new Map([...wanted.keys()].slice(0, 300).map((id) => [id, undefined]));
    await dataPlane.apply(without);
    expect(await dataPlane.verify()).toBe('changed');
    await dataPlane.start(wanted, plainNode);
    expect(await contents()).toEqual(before);
  });

  it('is busy with tables of its own only, is not looked at', async () => {
    await namespace.nft(
      'add table inet theirs; add set inet theirs s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 }; }',
    );
    expect(await dataPlane.verify()).toBe('intact');
    await namespace.nft('delete table inet theirs');
    expect(await dataPlane.verify()).toBe('intact');
  });

  it('deletes it all, is repaired by the next look', async () => {
    const before = await contents();
    await namespace.nft('delete table inet nftproxy');
    expect(await dataPlane.verify()).toBe('changed');
    await dataPlane.start(wanted, plainNode);
    expect(await contents()).toEqual(before);
  });
});
