import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NftablesDataPlane } from '../../src/dataplane/nftables/index.ts';
import type { DesiredPort, NodeSettings } from '../../src/dataplane/index.ts';
import { addLocalRoute, NetlinkSocket } from '../../src/netlink/index.ts';
import { createLogger } from '../../src/runtime/index.ts';
import { addresses, NodeWorld } from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

const range = { 4: '169.254.77.0/24', 6: 'fd6e:6674:7078:4d::/64' } as const;
const target = {
  4: { address: '169.254.77.5', port: 7777 },
  6: { address: 'fd6e:6674:7078:4d::5', port: 7777 },
} as const;
const families = [4, 6] as const;
const places = ['outside', 'clientPod', 'node'] as const;

let world: NodeWorld;
let dataPlane: NftablesDataPlane;

/** A process of the host that listens everywhere at the port of a target, and no engine that takes anything. */
beforeAll(async () => {
  world = await NodeWorld.create();
  await world.node.serve(['0.0.0.0', '::'].map((address) => ({ protocol: 'tcp', address, port: 7777 })));
  const routes = NetlinkSocket.open('route', { namespacePath: world.node.path });
  for (const family of families) addLocalRoute(routes, { range: range[family], owner: 110 });
  routes.close();
  const log = createLogger({ format: 'text', level: 'error', write: () => undefined });
  dataPlane = NftablesDataPlane.open({ log, namespacePath: world.node.path });
}, 60_000);

afterAll(async () => {
  dataPlane.close();
  await world[Symbol.asyncDispose]();
});

async function outcome(where: Where, address: string, port: number): Promise<string> {
  const [answer] = await world
    .namespaceOf(where)
    .request({ protocol: 'tcp', address, port, count: 1, timeoutMilliseconds: 700 });
  return answer?.error ?? 'answered';
}

const everywhere = (address: string, port: number): Promise<string[]> =>
  Promise.all(places.map((where) => outcome(where, address, port)));

/** A Service whose connections the table hands to a target. */
function viaTarget(family: 4 | 6): DesiredPort {
  const endpoint = { address: addresses[family].localPod, port: 8080, local: true, weight: 1 };
  const { clusterIP, node } = addresses[family];
  return {
    port: {
      ...{ id: `default/web:/tcp/${family}`, namespace: 'default', name: 'web', portName: '', protocol: 'tcp', family },
      frontends: [
        { kind: 'ClusterIP', address: clusterIP, port: 80, policy: 'Cluster' },
        { kind: 'ExternalIP', address: node, port: 7000, policy: 'Cluster' },
      ],
      ...{ clusterEndpoints: [endpoint], localEndpoints: [], otherServingEndpoints: [] },
      ...{ hasAnyEndpoints: true, algorithm: 'random' },
    },
    via: { cluster: target[family] },
  };
}

const plain: NodeSettings = {
  ...{ detectors: {}, masqueradeAll: false, nodePortAddresses: [], localSources: [], serviceCIDRs: [] },
};

describe.each(families)('a target of an engine (IPv%i)', (family) => {
  const { clusterIP, node } = addresses[family];
  const { address, port } = target[family];

  beforeEach(async () => {
    const ports = new Map([[`default/web:/tcp/${family}`, viaTarget(family)]]);
    await dataPlane.start(ports, { ...plain, engineRanges: Object.values(range) });
  });

  it('is reached by nobody past its Service', async () => {
    expect(await everywhere(address, port)).toEqual(['ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT']);
  });

  it('where the engine has nothing gives the Service’s clients no process of the host', async () => {
    expect(await everywhere(clusterIP, 80)).toEqual(['ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT']);
    expect(await everywhere(node, 7000)).toEqual(['ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT']);
  });

  it('would give them one without the guards, and that process is reached at the host’s own address', async () => {
    expect(await everywhere(node, port)).toEqual(['answered', 'answered', 'answered']);
    await dataPlane.setNode(plain);
    expect(await everywhere(clusterIP, 80)).toEqual(['answered', 'answered', 'answered']);
    expect(await everywhere(address, port)).toEqual(['answered', 'answered', 'answered']);
  });
});
