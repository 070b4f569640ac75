import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, hostOf } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import type { Kind } from './userspace-rig.ts';
import { UserspaceRig } from './userspace-rig.ts';

const { clusterIP, localPod, remotePod } = addresses[4];
const algorithm = (name: string) => ({ 'nftproxy.io/algorithm': name });

let rig: UserspaceRig;

beforeAll(async () => {
  rig = await UserspaceRig.create();
  rig.node.configure({ mode: 'userspace' });
  await rig.serve(['local', 'remote'], algorithm('round-robin'));
  await rig.haproxy.start();
  await eventually('HAProxy to be seen', () => rig.node.look());
}, 180_000);
afterAll(() => rig[Symbol.asyncDispose]());

/** The share of requests, of all in a moment, that `remote` answers. */
async function remoteShare(kind: Kind, milliseconds = 500): Promise<number> {
  const { answers, failures } = await rig.requestsWhile(kind, () => sleep(milliseconds));
  expect(failures).toEqual([]);
  const { local = 0, remote = 0 } = answers;
  return remote / (local + remote);
}

describe('an endpoint that comes', () => {
  it('has its share at once where nobody says otherwise', async () => {
    await rig.serve(['local'], algorithm('round-robin'));
    await rig.serve(['local', 'remote'], algorithm('round-robin'));
    expect(await remoteShare('http')).toBeCloseTo(0.5, 1);
  });

  it.each(['http', 'grpc'] as const)(
    'gets more and more requests of %s where its Service says slow-start',
    async (kind) => {
      const slowly = { ...algorithm('round-robin'), 'nftproxy.io/slow-start': '10s' };
      await rig.serve(['local'], slowly);
      await rig.serve(['local', 'remote'], slowly);
      const early = await remoteShare(kind);
      expect(early).toBeLessThan(0.4);
      await eventually('its whole share', async () => (await remoteShare(kind)) > 0.48);
    },
  );
});

describe('an endpoint that is there', () => {
  it('comes back slowly by a slow-start that its Service has been given since, and at once when that is gone', async () => {
    const slowly = { ...algorithm('round-robin'), 'nftproxy.io/slow-start': '10s' };
    const shareOnReturn = async (annotations: Record<string, string>): Promise<number> => {
      let share = NaN;
      // It has requests while it is away, so that HAProxy keeps it.
      await rig.requestsWhile(
        'http',
        async () => {
          await sleep(300);
          await rig.serve(['local'], annotations);
          await rig.serve(['local', 'remote'], annotations);
          share = await remoteShare('http');
        },
        { path: '/slow/3000', lanes: 8 },
      );
      return share;
    };
    await rig.serve(['local', 'remote'], algorithm('round-robin'));
    expect(await shareOnReturn(algorithm('round-robin'))).toBeGreaterThan(0.45);
    await rig.serve(['local', 'remote'], slowly);
    expect(await shareOnReturn(slowly)).toBeLessThan(0.4);
    // A restart of the agent changes nothing of it, and is no change: HAProxy does not reload.
    const { pid } = await rig.haproxy.runtime.info();
    rig.node.restart(rig.objects);
    await rig.node.run();
    expect((await rig.haproxy.runtime.info()).pid).toBe(pid);
    expect(await shareOnReturn(slowly)).toBeLessThan(0.4);
    await rig.serve(['local', 'remote'], algorithm('round-robin'));
    expect(await shareOnReturn(algorithm('round-robin'))).toBeGreaterThan(0.45);
  }, 60_000);
});

describe('an endpoint that comes back while it still has requests', () => {
  it('needs no reload of HAProxy for its slow start, nor with an agent that has been started meanwhile', async () => {
    const slowly = { ...algorithm('round-robin'), 'nftproxy.io/slow-start': '10s' };
    await rig.serve(['local', 'remote'], slowly);
    const { pid } = await rig.haproxy.runtime.info();
    const { failures } = await rig.requestsWhile(
      'http',
      async () => {
        await sleep(300);
        await rig.serve(['local'], slowly);
        rig.node.restart(rig.objects);
        await rig.node.run();
        await rig.serve(['local', 'remote'], slowly);
      },
      { path: '/slow/3000', lanes: 8 },
    );
    expect(failures).toEqual([]);
    expect((await rig.haproxy.runtime.info()).pid).toBe(pid);
  });
});

describe('an endpoint that is being terminated', () => {
  it.each(['http', 'h2c', 'grpc'] as const)(
    'finishes the requests of %s that it has, and gets no new ones',
    async (kind) => {
      await rig.serve(['local', 'remote'], algorithm('round-robin'));
      let after: Record<string, number> = {};
      const slow = await rig.requestsWhile(
        kind,
        async () => {
          // All lanes have asked again: half of them wait for the endpoint that goes.
          await sleep(300);
          await rig.serve(['remote'], algorithm('round-robin'), {}, ['local']);
          ({ answers: after } = await rig.requestsWhile(kind, () => sleep(400)));
        },
        { path: '/slow/1500', lanes: 8 },
      );
      expect(Object.keys(after)).toEqual(['remote']);
      expect(slow.failures).toEqual([]);
      // Four of the first round, and four that were under way.
      expect(slow.answers['local']).toBeGreaterThan(4);
    },
  );

  it('keeps the connections that it has, also when it is no endpoint any more', async () => {
    await rig.serve(['local', 'remote'], algorithm('round-robin'));
    const resident = await rig.node.namespaceOf('clientPod').resident();
    const open = () => Promise.all([1, 2, 3, 4].map(() => resident.open(clusterIP, 8080)));
    const held = await open();
    expect(new Set(held.map(({ server }) => hostOf(server)))).toEqual(new Set([localPod, remotePod]));
    await rig.serve(['remote'], algorithm('round-robin'), {}, ['local']);
    expect(new Set((await open()).map(({ server }) => hostOf(server)))).toEqual(new Set([remotePod]));
    await rig.serve(['remote'], algorithm('round-robin'));
    expect(await Promise.all(held.map(({ id }) => resident.talk(id)))).toEqual(held.map(({ server }) => server));
  });
});

describe('the proxy', () => {
  it('gives connections with least-connections to who has fewer, counted exactly', async () => {
    await rig.serve(['local'], algorithm('least-connections'));
    const resident = await rig.node.namespaceOf('clientPod').resident();
    const open = (count: number) => Promise.all(Array.from({ length: count }, () => resident.open(clusterIP, 8080)));
    await open(6);
    await rig.serve(['local', 'remote'], algorithm('least-connections'));
    const next = await open(6);
    expect(next.map(({ server }) => hostOf(server))).toEqual(Array(6).fill(remotePod));
  });

  it('gives requests with least-connections to who has fewer under way', async () => {
    await rig.serve(['local'], algorithm('least-connections'));
    await rig.requestsWhile(
      'grpc',
      async () => {
        // All lanes have asked again, and wait for the only endpoint.
        await sleep(300);
        await rig.serve(['local', 'remote'], algorithm('least-connections'));
        const { answers } = await rig.requestsWhile('grpc', () => sleep(400), { lanes: 1 });
        expect(answers['remote'] ?? 0).toBeGreaterThan(10 * (answers['local'] ?? 0));
      },
      { path: '/slow/4000', lanes: 8 },
    );
  });

  it('gives requests with random to the better of two draws: nearly even, and no endpoint is left out', async () => {
    await rig.serve(['local', 'remote'], algorithm('random'));
    const share = await remoteShare('http', 1500);
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
  });
});
