import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KernelTable } from '../../src/dataplane/nftables/index.ts';
import type { DesiredPort } from '../../src/dataplane/nftables/index.ts';
import { createLogger } from '../../src/runtime/index.ts';
import { NetlinkError, NftablesSocket } from '../../src/nftables/index.ts';
import type { Frontend, ServicePort } from '../../src/services/index.ts';
import { Namespace } from '../support/namespace.ts';

let namespace: Namespace;
let socket: NftablesSocket;
let kernel: KernelTable;
const logs: string[] = [];
const settings = {
  detectors: {},
  masqueradeAll: false,
  nodePortAddresses: [],
  localSources: [],
  serviceCIDRs: [],
};

beforeAll(async () => {
  namespace = await Namespace.create('quarantine');
  socket = NftablesSocket.open({ namespacePath: namespace.path });
  kernel = new KernelTable(socket, createLogger({ format: 'text', level: 'debug', write: (line) => logs.push(line) }));
});

afterAll(async () => {
  socket.close();
  await namespace.destroy();
});

function servicePort(number: number, frontends: readonly Frontend[]): DesiredPort {
  const endpoint = { address: `10.244.0.${number}`, port: 8080, local: false, weight: 1 };
  const port: ServicePort = {
    id: `default/service-${number}:/tcp/4`,
    namespace: 'default',
    name: `service-${number}`,
    portName: '',
    protocol: 'tcp',
    family: 4,
    frontends,
    clusterEndpoints: [endpoint],
    localEndpoints: [],
    otherServingEndpoints: [],
    hasAnyEndpoints: true,
    algorithm: 'random',
  };
  return { port };
}

const good = (number: number): DesiredPort =>
  servicePort(number, [{ kind: 'ClusterIP', address: `10.96.0.${number}`, port: 80, policy: 'Cluster' }]);

/** Source ranges of which one lies within another: services/ never makes them, and the kernel refuses them. */
const bad = (number: number): DesiredPort =>
  servicePort(number, [
    {
      kind: 'LoadBalancerIP',
      address: `192.0.2.${number}`,
      port: 80,
      policy: 'Cluster',
      sourceRanges: ['10.0.0.0/8', '10.1.0.0/16'],
    },
  ]);

const byId = (ports: readonly DesiredPort[]): Map<string, DesiredPort> =>
  new Map(ports.map((desired) => [desired.port.id, desired]));

async function served(): Promise<string[]> {
  const listing = await namespace.run('nft', ['list', 'map', 'inet', 'nftproxy', 'services4']);
  return [...listing.matchAll(/10\.96\.0\.\d+/g)].map(([address]) => address).sort();
}

describe('a Service port that the kernel refuses', () => {
  it('is set aside at the start, and all others are served', async () => {
    await kernel.start(byId([good(1), bad(2), good(3)]), settings);
    expect([...kernel.quarantined.keys()]).toEqual(['default/service-2:/tcp/4']);
    expect(await served()).toEqual(['10.96.0.1', '10.96.0.3']);
    expect(logs.join('')).toContain('default/service-2:/tcp/4');
  });

  it('does not keep a later change of others out: after a look at the whole table they are in', async () => {
    const changes = byId([good(4), bad(5), good(6)]);
    await expect(kernel.apply(changes)).rejects.toThrow(NetlinkError);
    expect(await served()).toEqual(['10.96.0.1', '10.96.0.3']);
    const all = [1, 3, 4, 6].map(good);
    await kernel.start(byId([...all, bad(2), bad(5)]), settings);
    expect([...kernel.quarantined.keys()].sort()).toEqual(['default/service-2:/tcp/4', 'default/service-5:/tcp/4']);
    expect(await served()).toEqual(['10.96.0.1', '10.96.0.3', '10.96.0.4', '10.96.0.6']);
  });

  it('is tried again without a look at the whole table, and without harm to others', async () => {
    await kernel.apply(byId([bad(5), good(7)]));
    expect([...kernel.quarantined.keys()].sort()).toEqual(['default/service-2:/tcp/4', 'default/service-5:/tcp/4']);
    expect(await served()).toContain('10.96.0.7');
  });

  it('is served as soon as it is right', async () => {
    await kernel.apply(byId([good(2)]));
    expect([...kernel.quarantined.keys()]).toEqual(['default/service-5:/tcp/4']);
    expect(await served()).toContain('10.96.0.2');
    await kernel.apply(new Map([['default/service-5:/tcp/4', undefined]]));
    expect(kernel.quarantined.size).toBe(0);
  });
});
