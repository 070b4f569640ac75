import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serviceObject, sliceObject } from '../support/index.ts';
import { hasTable, modeUnderTest, ServiceRig } from '../support/node/index.ts';

const services = 1000;
let rig: ServiceRig;

beforeAll(async () => {
  rig = await ServiceRig.create();
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

const addressOf = (number: number): string => `10.96.${1 + (number >> 8)}.${number & 255}`;
const endpointsOf = (number: number): string[] => [1, 2, 3].map((one) => `192.${number >> 8}.${number & 255}.${one}`);

function add(from: number, to: number): void {
  for (let number = from; number < to; number++) {
    const name = `service-${number}`;
    rig.service(name, serviceObject(name, { clusterIPs: [addressOf(number)] }));
    rig.slice(name, sliceObject(name, name, endpointsOf(number)));
  }
}

const rules = () => rig.nft('--stateless', '--terse', 'list', 'table', 'inet', 'nftproxy');

/** In mode ipvs a Service port has one slot, which leads to its virtual server, and the endpoints are there. */
const byIpvs = modeUnderTest === 'ipvs';
const slotsOfOne = byIpvs ? 1 : 3;

describe('a thousand Services', () => {
  it.skipIf(!hasTable)('are elements only: the rules and chains are those of ten', async () => {
    add(0, 10);
    await rig.run();
    const before = await rules();
    add(10, services);
    await rig.run();
    expect(await rig.elements('services4')).toHaveLength(services);
    expect(await rig.elements('endpoints4')).toHaveLength(slotsOfOne * services);
    const inIpvs = (await rig.dataPlane.engineTargets()).flatMap(({ serving }) => serving?.endpoints ?? []);
    expect(inIpvs).toHaveLength(byIpvs ? 3 * services : 0);
    expect(await rules()).toBe(before);
  });

  it('are listed and understood by nft', async () => {
    expect(JSON.parse(await rig.nft('--json', 'list', 'ruleset'))).toHaveProperty('nftables');
  });

  it.skipIf(!hasTable)('reach the kernel alone when one of them changes', async () => {
    const before = await rig.elements('endpoints4');
    rig.slice('service-500', undefined);
    const { written } = await rig.run();
    expect(written.elements).toBeLessThan(10);
    const after = new Set(await rig.elements('endpoints4'));
    const gone = before.filter((element) => !after.has(element));
    expect(gone).toHaveLength(slotsOfOne);
    for (const element of gone) expect(element).toContain(byIpvs ? ': 169.254.77.' : ': 192.1.244.');
  });
});
