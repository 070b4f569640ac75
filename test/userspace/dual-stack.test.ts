import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, hostOf } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import { UserspaceRig } from './userspace-rig.ts';

const roundRobin = { 'nftproxy.io/algorithm': 'round-robin' };

let rig: UserspaceRig;

beforeAll(async () => {
  rig = await UserspaceRig.create([6, 4]);
  rig.node.configure({ mode: 'userspace' });
  await rig.serve(['local', 'remote'], roundRobin);
  await rig.haproxy.start();
  await eventually('HAProxy to be seen', () => rig.node.look());
}, 180_000);
afterAll(() => rig[Symbol.asyncDispose]());

describe('a Service of both families', () => {
  it('goes through the proxy in both, with listeners of each', () => {
    expect(rig.node.dataPlane.servedBy()).toEqual({ nftables: 0, ipvs: 0, userspace: 8 });
    const targets = [...rig.node.dataPlane.served.values()].map(({ port, via }) => [
      port.family,
      via?.cluster?.address,
    ]);
    for (const [family, address] of targets) {
      expect(address).toMatch(family === 6 ? /^fd6e:6674:7078:4e::/ : /^169\.254\.78\./);
    }
  });

  it.each([
    { kind: 'http', family: 6 },
    { kind: 'h2c', family: 6 },
    { kind: 'grpc', family: 6 },
    { kind: 'http', family: 4 },
    { kind: 'grpc', family: 4 },
  ] as const)('spreads requests of $kind over IPv$family evenly', async ({ kind, family }) => {
    const { answers, failures, connections } = await rig.requestsWhile(kind, () => sleep(1000), { family });
    expect(failures).toEqual([]);
    const { local = 0, remote = 0 } = answers;
    expect(local + remote).toBeGreaterThan(20);
    expect(Math.abs(local - remote)).toBeLessThanOrEqual(1);
    if (kind !== 'http') expect(connections).toBe(1);
  });

  it.each(['clientPod', 'outside', 'node'] as const)('spreads connections over IPv6 from %s', async (where) => {
    const asked = { protocol: 'tcp', address: addresses[6].clusterIP, port: 8080, count: 6 } as const;
    const answers = await rig.node.namespaceOf(where).request({ ...asked, timeoutMilliseconds: 5000 });
    const servers = answers.map(({ server, error }) => error ?? hostOf(server)).toSorted();
    const { localPod, remotePod } = addresses[6];
    expect(servers).toEqual([...Array<string>(3).fill(localPod), ...Array<string>(3).fill(remotePod)].sort());
  });

  it.each(['http', 'grpc'] as const)('fails no request of %s over IPv6 while endpoints come and go', async (kind) => {
    const { answers, failures } = await rig.requestsWhile(
      kind,
      async () => {
        for (let round = 0; round < 6; round++) {
          await sleep(150);
          await rig.serve(round % 2 === 0 ? ['local'] : ['local', 'remote'], roundRobin);
        }
        await sleep(150);
      },
      { family: 6 },
    );
    expect(failures).toEqual([]);
    expect(Math.min(answers['local'] ?? 0, answers['remote'] ?? 0)).toBeGreaterThan(10);
  });

  it('keeps a client with affinity at one endpoint in each family', async () => {
    await rig.serve(['local', 'remote'], roundRobin, { sessionAffinity: 'ClientIP' });
    for (const family of [4, 6] as const) {
      const { answers, failures } = await rig.requestsWhile('grpc', () => sleep(400), { family });
      expect([Object.keys(answers).length, failures]).toEqual([1, []]);
    }
  });
});
