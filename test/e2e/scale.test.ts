import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const node = 'node-1';
const services = 1000;

describe.skipIf(!root)('a thousand Services (needs root)', { timeout: 240_000 }, () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 1 });
    await nftproxy.installOperator(cluster);
    await nftproxy.configure(cluster);
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  const count = async (map: string) => (await nftproxy.elements(cluster, node, map)).length;

  async function addServices(from: number, to: number): Promise<void> {
    const numbers = Array.from({ length: to - from }, (_, index) => from + index);
    const address = (number: number, endpoint: number) => `192.${number >> 8}.${number & 255}.${endpoint}`;
    const worker = async () => {
      for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
        await nftproxy.createService(
          cluster,
          `service-${number}`,
          [1, 2, 3].map((one) => address(number, one)),
        );
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
  }

  test('are elements only: the rules and chains are those of ten Services', async () => {
    const others = await count('endpoints4');
    await addServices(0, 10);
    await cluster.waitFor('30 endpoints', async () => (await count('endpoints4')) === others + 30);
    const before = await nftproxy.rules(cluster, node);
    await addServices(10, services);
    await cluster.waitFor('all endpoints', async () => (await count('endpoints4')) === others + 3 * services, 120);
    expect(await count('services4')).toBeGreaterThanOrEqual(services);
    expect(await nftproxy.rules(cluster, node)).toBe(before);
  });

  test('nft itself can list and understand all of it', async () => {
    const json: unknown = JSON.parse(await cluster.nodeExec(node, 'nft', '--json', 'list', 'ruleset'));
    expect(json).toHaveProperty('nftables');
  });

  test('a change of one of them reaches the kernel alone', async () => {
    const before = await nftproxy.elements(cluster, node, 'endpoints4');
    await cluster.kubectl('delete', 'endpointslice', 'service-500');
    await cluster.waitFor('its endpoints to go', async () => (await count('endpoints4')) === before.length - 3);
    const after = new Set(await nftproxy.elements(cluster, node, 'endpoints4'));
    const gone = before.filter((element) => !after.has(element));
    expect(gone).toHaveLength(3);
    for (const element of gone) expect(element).toContain(': 192.1.244.');
  });
});
