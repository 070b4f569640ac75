import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sliceObject } from '../support/index.ts';
import { flowsOf, serviceAddress } from './objects.ts';
import { Rig } from './rig.ts';

const addressOf = (number: number) => `10.245.${number >> 8}.${number & 255}`;
let rig: Rig;

beforeAll(async () => {
  rig = await Rig.create(1);
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** The endpoints `first` and those that follow, as those of the Service. */
function give(service: string, first: number, count: number): void {
  const endpoints = Array.from({ length: count }, (_, index) => ({
    addresses: [addressOf(first + index)],
    nodeName: 'node-2',
  }));
  const ports = [{ name: 'udp', protocol: 'UDP', port: 8080 }];
  rig.slice(`${service}-4`, sliceObject(`${service}-4`, service, endpoints, { addressType: 'IPv4', ports }));
}

/** As if so many clients had an open connection to each endpoint: `open` says how many, by endpoint. */
async function connect(service: number, open: ReadonlyMap<number, number>): Promise<void> {
  const lines = [...open].flatMap(([endpoint, connections]) =>
    Array.from({ length: connections }, (_, client) => {
      const from = `-s 10.9.${client >> 8}.${client & 255} --sport ${1024 + (endpoint % 60_000)}`;
      const to = `-d ${serviceAddress(4, service)} --dport 80 --dst-nat ${addressOf(endpoint)}:8080`;
      return `-I -p udp ${from} ${to} --timeout 600`;
    }),
  );
  // conntrack opens /dev/stdin, which must be a pipe for that and not Node's socket.
  await rig.space.run('sh', ['-c', 'cat | conntrack -R -'], { input: `${lines.join('\n')}\n` });
}

/** One look at the load. Tells how many elements it has written. */
async function look(): Promise<number> {
  const weights = await rig.load.look(rig.state.loadBalanced);
  rig.state.setWeights(weights);
  return weights.size === 0 ? 0 : (await rig.run()).written.elements;
}

describe('least-connections with very many endpoints', () => {
  it('follows the load of 100 Services with 60 endpoints each in small steps, and then has nothing to write', async () => {
    const services = Array.from({ length: 100 }, (_, index) => index + 1);
    for (const number of services) {
      const only = { family: 4, protocol: 'udp' } as const;
      rig.setService(`many-${number}`, { number, algorithm: 'least-connections', only });
      give(`many-${number}`, 60 * number, 60);
    }
    await rig.run();
    for (const number of services) {
      const busy = Array.from({ length: 10 }, (_, index) => [60 * number + 6 * index, 12] as const);
      await connect(number, new Map(busy));
    }
    const written: number[] = [];
    // Small differences count at every tenth look.
    for (let round = 0; round < 30; round++) written.push(await look());
    expect(written[0]).toBeGreaterThan(0);
    // A slot that changes hands is an element that goes and one that comes.
    expect(Math.max(...written)).toBeLessThanOrEqual(2 * 5000);
    expect(written.slice(-10)).toEqual(Array(10).fill(0));
    for (const number of services) {
      rig.setService(`many-${number}`, undefined);
      rig.slice(`many-${number}-4`, undefined);
    }
    await rig.forgetConnections();
    await rig.run();
  }, 120_000);

  it('sends a busy endpoint of a thousand far fewer clients than the others', async () => {
    rig.setService('web', { number: 200, algorithm: 'least-connections', only: { family: 4, protocol: 'udp' } });
    give('web', 7000, 1000);
    await rig.run();
    const busy = [7100, 7200, 7300, 7400, 7500];
    await connect(200, new Map(busy.map((endpoint) => [endpoint, 200])));
    expect(await look()).toBeLessThanOrEqual(2 * 5000);
    const flows = 40_000;
    const { byEndpoint, total } = await rig.flows(flowsOf(flows, { service: 200, clients: 2000 }));
    expect(total).toBe(flows);
    const reached = busy.reduce((sum, endpoint) => sum + (byEndpoint.get(addressOf(endpoint)) ?? 0), 0);
    // Each would get 40 on average; with a quarter of that, five together get 50.
    expect(reached).toBeGreaterThan(10);
    expect(reached).toBeLessThan(100);
    expect(byEndpoint.size).toBeGreaterThan(990);
  }, 120_000);
});
