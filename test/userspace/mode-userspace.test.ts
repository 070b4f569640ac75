import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, hostOf } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import { UserspaceRig } from './userspace-rig.ts';

const { clusterIP, localPod, remotePod } = addresses[4];
const pods: readonly string[] = [localPod, remotePod];
const both = ['local', 'remote'] as const;
const roundRobin = { 'nftproxy.io/algorithm': 'round-robin' };

let rig: UserspaceRig;

beforeAll(async () => {
  rig = await UserspaceRig.create();
  rig.node.configure({ mode: 'userspace' });
}, 180_000);
afterAll(() => rig[Symbol.asyncDispose]());

/** Who answers connections to the port that is passed on as TCP. */
async function connections(where: 'clientPod' | 'outside' | 'node', count: number, to = clusterIP): Promise<string[]> {
  const answers = await rig.node
    .namespaceOf(where)
    .request({ protocol: 'tcp', address: to, port: 8080, count, timeoutMilliseconds: 5000 });
  return answers.map(({ server, error }) => error ?? hostOf(server));
}

async function switchTo(mode: 'nftables' | 'userspace'): Promise<void> {
  rig.node.configure({ mode });
  await rig.node.run();
  expect(rig.node.dataPlane.mode).toBe(mode);
}

describe('mode userspace', () => {
  it('serves by slots until HAProxy is there, and says what is missing', async () => {
    await rig.serve(both, roundRobin);
    expect([...rig.node.dataPlane.fallbacks.values()]).toEqual(
      Array(4).fill({
        reason: expect.stringContaining('no HAProxy to tell what to do') as string,
        askedBy: 'node',
        awaited: true,
      }),
    );
    expect(new Set(await connections('clientPod', 8))).toEqual(new Set([localPod, remotePod]));
    expect(await rig.node.space.run('ip', ['route', 'show', 'table', 'local', 'proto', '110'])).toBe('');
    await rig.haproxy.start();
    await eventually('HAProxy to be seen', () => rig.node.look());
    expect(rig.node.dataPlane.fallbacks.size).toBe(0);
    expect(rig.node.dataPlane.mode).toBe('userspace');
  });

  it('lets the one connection of a gRPC client reach all endpoints evenly through a ClusterIP', async () => {
    const { connections: opened, answers, failures } = await rig.requestsWhile('grpc', () => sleep(2000));
    expect([opened, failures]).toEqual([1, []]);
    const { local = 0, remote = 0 } = answers;
    expect(local + remote).toBeGreaterThan(100);
    expect(Math.abs(local - remote)).toBeLessThanOrEqual(1);
  });

  it('spreads connections of a port that says nothing of what it speaks, for pods, the node and others', async () => {
    for (const where of ['clientPod', 'outside', 'node'] as const) {
      const servers = await connections(where, 6);
      expect(servers.toSorted(), where).toEqual(
        [...Array<string>(3).fill(localPod), ...Array<string>(3).fill(remotePod)].sort(),
      );
    }
  });

  it.each(['http', 'h2c', 'grpc'] as const)('fails no request of %s while endpoints come and go', async (kind) => {
    const { answers, failures } = await rig.requestsWhile(kind, async () => {
      for (let round = 0; round < 8; round++) {
        await sleep(150);
        await rig.serve(round % 2 === 0 ? ['local'] : both, roundRobin);
      }
      await sleep(150);
    });
    expect(failures).toEqual([]);
    expect(Math.min(answers['local'] ?? 0, answers['remote'] ?? 0)).toBeGreaterThan(10);
  });

  it('fails no request while one endpoint of three is dead', async () => {
    await rig.serve(['local', 'dead', 'remote'], roundRobin);
    for (const kind of ['http', 'grpc'] as const) {
      const { answers, failures } = await rig.requestsWhile(kind, () => sleep(1500));
      expect(failures, kind).toEqual([]);
      expect(Object.keys(answers).sort(), kind).toEqual(['local', 'remote']);
    }
    expect((await connections('clientPod', 30)).filter((server) => !pods.includes(server))).toEqual([]);
    await rig.serve(both, roundRobin);
  });

  it('counts requests by the class of their answer, for each Service port whose requests it knows', async () => {
    const asked = (counts: Awaited<ReturnType<UserspaceRig['requestsAnswered']>>, port: string) =>
      counts.find((count) => count.port === port)?.answers['2xx'] ?? 0;
    const before = await rig.requestsAnswered();
    const { answers } = await rig.requestsWhile('http', () => sleep(1000));
    const made = Object.values(answers).reduce((sum, count) => sum + count, 0);
    const after = await rig.requestsAnswered();
    expect(made).toBeGreaterThan(10);
    expect(asked(after, 'http') - asked(before, 'http')).toBe(made);
    expect(after.map(({ port }) => port).sort()).toEqual(['grpc', 'h2c', 'http']);
  });

  it('explains where a connection goes', async () => {
    const { endpoints, steps } = await rig.node.dataPlane.explain({
      ...{ source: addresses[4].clientPod, destination: clusterIP, protocol: 'tcp', port: 83 },
      ...{ fromHost: false, fromPod: true, toHost: false, masqueradeAll: false },
    });
    expect(endpoints).toEqual([`${localPod}:8083`, `${remotePod}:8083`]);
    expect(steps.map(({ text }) => text).join()).not.toMatch(/over 1 endpoints|source address/);
    // Of what the table says the one listener, which nobody sees, is left out; by its kind, not by its words.
    expect(steps.map(({ about }) => about)).toEqual(['frontend', 'choice']);
    expect(steps.at(-1)?.text).toMatch(/^HAProxy chooses \(h2c, roundrobin\) at 169\.254\.78\.\d+:\d+/);
  });

  it('lets nobody reach a listener past its Service', async () => {
    const [listener] = [...rig.node.dataPlane.served.values()].map(({ via }) => via?.cluster);
    if (!listener) throw new Error('there is a listener');
    for (const where of ['clientPod', 'outside', 'node'] as const) {
      const asked = { protocol: 'tcp', ...listener, count: 1, timeoutMilliseconds: 700 } as const;
      const [answer] = await rig.node.namespaceOf(where).request(asked);
      expect(answer?.error, where).toBe('ETIMEDOUT');
    }
  });

  it('keeps clients with affinity at one endpoint', async () => {
    await rig.serve(both, roundRobin, { sessionAffinity: 'ClientIP' });
    expect(new Set(await connections('clientPod', 8)).size).toBe(1);
    await rig.serve(both, roundRobin);
    expect(new Set(await connections('clientPod', 8)).size).toBe(2);
  });

  it('keeps the address of a client where the policy of an external address says Local', async () => {
    const external = { type: 'LoadBalancer', externalIPs: ['192.0.2.20'] };
    const seen = async (): Promise<string> => {
      const asked = { protocol: 'tcp', address: '192.0.2.20', port: 8080, count: 1 } as const;
      await rig.node.namespaceOf('outside').ip('route replace 192.0.2.20/32 via 172.31.0.1');
      const [answer] = await rig.node.namespaceOf('outside').request(asked);
      return answer?.error ?? hostOf(answer?.client ?? '');
    };
    await rig.serve(['local'], roundRobin, { ...external, externalTrafficPolicy: 'Local' });
    expect(await seen()).toBe(addresses[4].outside);
    await rig.serve(['local'], roundRobin, external);
    expect(await seen()).not.toBe(addresses[4].outside);
    await rig.serve(both, roundRobin);
  });

  it('goes by a header where a Service says so', async () => {
    await rig.serve(both, { 'nftproxy.io/hash-header': 'X-User' });
    const { answers } = await rig.requestsWhile('http', () => sleep(1200));
    expect(Object.keys(answers)).toHaveLength(1);
    await rig.serve(both, roundRobin);
  });

  it('loses nothing when the agent is started anew: every Service keeps its listener', async () => {
    const listeners = () => [...rig.node.dataPlane.served.values()].map(({ port, via }) => [port.id, via]);
    const before = listeners();
    const { pid } = await rig.haproxy.runtime.info();
    const { connections: opened, failures } = await rig.requestsWhile('grpc', async () => {
      await sleep(1000);
      rig.node.restart(rig.objects);
      await rig.node.run();
      await sleep(300);
    });
    expect([opened, failures]).toEqual([1, []]);
    expect(listeners()).toEqual(before);
    expect((await rig.haproxy.runtime.info()).pid).toBe(pid);
  });

  it('keeps connections that are open when no Service wants the proxy any more and the agent is started anew', async () => {
    const client = await rig.node.namespaceOf('clientPod').resident();
    const { id, server } = await client.open(clusterIP, 8080);
    rig.node.configure({ mode: 'nftables' });
    await rig.node.run();
    expect(await client.talk(id)).toBe(server);
    rig.node.restart(rig.objects);
    await rig.node.run();
    expect(rig.node.dataPlane.servedBy().userspace).toBe(0);
    expect(await client.talk(id)).toBe(server);
    await client.hangUp(id);
    rig.node.configure({ mode: 'userspace' });
    await rig.node.run();
    await eventually('the proxy to serve', () => rig.node.dataPlane.servedBy().userspace === 4);
  });

  it('hands its Services to slots when the agent is told to end, and takes them back when it is there again', async () => {
    const proxied = () => [...rig.node.dataPlane.served.values()].filter((desired) => desired.proxied).length;
    const { failures } = await rig.requestsWhile('http', async () => {
      await sleep(1000);
      await rig.node.dataPlane.standDown?.();
      expect(proxied()).toBe(0);
      await sleep(300);
      rig.node.restart(rig.objects);
      await rig.node.run();
      expect(proxied()).toBe(4);
      await sleep(300);
    });
    expect(failures).toEqual([]);
  });

  it('goes on by slots when HAProxy is killed, and through it again when it is back', async () => {
    await rig.haproxy.kill();
    await eventually('slots', async () => (await rig.node.look()) && rig.node.dataPlane.fallbacks.size === 4);
    expect([...rig.node.dataPlane.fallbacks.values()][0]?.reason).toContain('HAProxy');
    expect((await connections('clientPod', 8)).every((server) => pods.includes(server))).toBe(true);
    const { failures } = await rig.requestsWhile('http', () => sleep(1000));
    expect(failures).toEqual([]);
    await rig.haproxy.start();
    await eventually('HAProxy to be seen', () => rig.node.look());
    expect(rig.node.dataPlane.fallbacks.size).toBe(0);
    const { connections: opened, answers } = await rig.requestsWhile('grpc', () => sleep(1500));
    expect([opened, Object.keys(answers).length]).toEqual([1, 2]);
  });

  it.each(['h2c', 'grpc'] as const)(
    'is switched off without failing a request of %s: clients connect anew',
    async (kind) => {
      const {
        connections: opened,
        failures,
        answers,
      } = await rig.requestsWhile(kind, async () => {
        await sleep(2000);
        await switchTo('nftables');
        await sleep(500);
      });
      await switchTo('userspace');
      expect(failures).toEqual([]);
      expect(Object.keys(answers).sort()).toEqual(['local', 'remote']);
      if (kind === 'h2c') expect(opened).toBe(2);
    },
  );

  it('leaves nothing behind when it is removed', async () => {
    expect(await rig.node.dataPlane.remove()).toMatch(/sections of HAProxy/);
    expect(await rig.node.space.run('ip', ['route', 'show', 'table', 'local', 'proto', '110'])).toBe('');
    expect((await rig.haproxy.runtime.sections()).size).toBe(0);
  });
});
