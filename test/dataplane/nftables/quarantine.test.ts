import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataPlaneFactories } from '../../../src/dataplane/index.ts';
import type { Applied, DataPlane, DesiredPort } from '../../../src/dataplane/index.ts';
import { createLogger } from '../../../src/runtime/index.ts';
import { CommitError } from '../../../src/nftables/index.ts';
import type { Frontend, ServicePort } from '../../../src/services/index.ts';
import { Namespace } from '../../support/index.ts';

let namespace: Namespace;
let dataPlane: DataPlane;
const settings = {
  detectors: {},
  masqueradeAll: false,
  nodePortAddresses: [],
  localSources: [],
  serviceCIDRs: [],
};

beforeAll(async () => {
  namespace = await Namespace.create('quarantine');
  const log = createLogger({ format: 'text', level: 'debug', write: () => undefined });
  const open = dataPlaneFactories({ log, namespacePath: namespace.path })['nftables'];
  if (!open) throw new Error('there is no mode nftables');
  dataPlane = open();
});

afterAll(async () => {
  dataPlane.close();
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

/** One address twice, with source ranges that overlap: services/ never makes it, and the kernel refuses it. */
const bad = (number: number): DesiredPort =>
  servicePort(
    number,
    ['10.0.0.0/8', '10.1.0.0/16'].map((range) => ({
      kind: 'LoadBalancerIP',
      address: `192.0.2.${number}`,
      port: 80,
      policy: 'Cluster',
      sourceRanges: [range],
    })),
  );

const byId = (ports: readonly DesiredPort[]): Map<string, DesiredPort> =>
  new Map(ports.map((desired) => [desired.port.id, desired]));

async function served(): Promise<string[]> {
  const listing = await namespace.run('nft', ['list', 'map', 'inet', 'nftproxy', 'services4']);
  return [...listing.matchAll(/10\.96\.0\.\d+/g)].map(([address]) => address).sort();
}

const refused = ({ refused: all }: Applied): string[] => all.map(({ id }) => id).sort();

describe('a Service port that the kernel refuses', () => {
  it('is set aside at the start, and all others are served', async () => {
    const started = await dataPlane.start(byId([good(1), bad(2), good(3)]), settings);
    expect(refused(started)).toEqual(['default/service-2:/tcp/4']);
    expect(started.refused[0]?.reason).toContain('EEXIST');
    expect(await served()).toEqual(['10.96.0.1', '10.96.0.3']);
  });

  it('does not keep a later change of others out: after a look at the whole table they are in', async () => {
    const changes = byId([good(4), bad(5), good(6)]);
    await expect(dataPlane.apply(changes)).rejects.toThrow(CommitError);
    expect(await served()).toEqual(['10.96.0.1', '10.96.0.3']);
    const all = [1, 3, 4, 6].map(good);
    const started = await dataPlane.start(byId([...all, bad(2), bad(5)]), settings);
    expect(refused(started)).toEqual(['default/service-2:/tcp/4', 'default/service-5:/tcp/4']);
    expect(await served()).toEqual(['10.96.0.1', '10.96.0.3', '10.96.0.4', '10.96.0.6']);
  });

  it('is tried again without a look at the whole table, and without harm to others', async () => {
    const applied = await dataPlane.apply(byId([bad(5), good(7)]), new Set(['default/service-5:/tcp/4']));
    expect(refused(applied)).toEqual(['default/service-5:/tcp/4']);
    expect(await served()).toContain('10.96.0.7');
  });

  it('is served as soon as it is right', async () => {
    expect(refused(await dataPlane.apply(byId([good(2)])))).toEqual([]);
    expect(await served()).toContain('10.96.0.2');
  });
});
