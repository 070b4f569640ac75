import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sliceObject } from '../support/index.ts';
import { flowsOf } from './objects.ts';
import { Rig } from './rig.ts';

const count = 1500;
const addressOf = (number: number) => `10.245.${number >> 8}.${number & 255}`;
let rig: Rig;

beforeAll(async () => {
  rig = await Rig.create(1);
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

describe('maglev with more endpoints than the configured table has rows', () => {
  it(`sends clients to all ${count} of them, to none much more than to another`, async () => {
    rig.configure({ loadBalancing: { algorithm: 'maglev', maglev: { tableSize: 1021 } } });
    rig.setService('web', {});
    const endpoints = Array.from({ length: count }, (_, number) => ({
      addresses: [addressOf(number)],
      nodeName: 'node-2',
    }));
    const ports = [{ name: 'udp', protocol: 'UDP', port: 8080 }];
    rig.slice('web-4', sliceObject('web-4', 'web', endpoints, { addressType: 'IPv4', ports }));
    await rig.run();
    const clients = 16_384;
    const { byEndpoint, total } = await rig.flows(flowsOf(clients));
    expect(total).toBe(clients);
    expect(byEndpoint.size).toBe(count);
    // By chance alone one of 1,500 gets some 2.5 times its share of 11.
    expect(Math.max(...byEndpoint.values())).toBeLessThan((4 * clients) / count);
  }, 120_000);
});
