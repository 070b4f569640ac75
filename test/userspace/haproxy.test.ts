import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listenerOf, sectionName, serverName } from '../../src/haproxy/index.ts';
import type { Section, SectionKind, Server } from '../../src/haproxy/index.ts';
import { addLocalRoute, NetlinkSocket } from '../../src/netlink/index.ts';
import { eventually, Namespace } from '../support/index.ts';
import { Haproxy } from './haproxy.ts';
import { requestsWhile, serveRequests } from './requests.ts';

const kind: SectionKind = { family: 4, protocol: 'http', balance: 'roundrobin', affinitySeconds: 0 };
const section = (number: number, more: Partial<SectionKind> = {}, servers: readonly Server[] = []): Section => ({
  ...{ kind: { ...kind, ...more }, number },
  servers: new Map(servers.map((server) => [serverName(server), server])),
});
const names = ['a', 'b', 'c'] as const;
const server = (number: number, port = 8081): Server => ({ address: `10.1.0.${number}`, port, weight: 1 });
const placeOf = (at: Section): string => `${listenerOf(at).address}:${listenerOf(at).port}`;

let host: Namespace;
let haproxy: Haproxy;

/** A host that has three endpoints at addresses of its own, and a HAProxy. */
beforeAll(async () => {
  host = await Namespace.create('host');
  const routes = NetlinkSocket.open('route', { namespacePath: host.path });
  addLocalRoute(routes, { range: '169.254.78.0/24', owner: 110 });
  routes.close();
  await host.ip(...names.map((_, at) => `addr add 10.1.0.${at + 1}/32 dev lo`));
  await Promise.all(names.map((name, at) => serveRequests(host, name, `10.1.0.${at + 1}`)));
  haproxy = await Haproxy.in(host);
}, 120_000);
afterAll(async () => {
  await haproxy[Symbol.asyncDispose]();
  await host.destroy();
});

describe('HAProxy', () => {
  const http = section(0, {}, [server(1), server(2)]);
  const h2c = section(1, { protocol: 'h2c' }, [server(1, 8082), server(2, 8082)]);
  const wrong = section(2, {}, [{ ...server(1), weight: 1000 }]);

  it('starts with the servers of its configuration, as a user without any right', async () => {
    await haproxy.runtime.write([http, h2c], 2);
    await haproxy.start();
    const { version, pid } = await haproxy.runtime.info();
    expect(version).toMatch(/^3\./);
    expect(await host.run('cat', [`/proc/${pid}/status`])).toMatch(/Uid:\t1000\t1000[\s\S]*CapEff:\t0000000000000000/);
    const found = await haproxy.runtime.sections();
    expect([...found.keys()]).toEqual([sectionName(http), sectionName(h2c)]);
    expect([...(found.get(sectionName(http))?.servers.values() ?? [])]).toEqual([
      { ...server(1), leaving: false },
      { ...server(2), leaving: false },
    ]);
  });

  it.each([
    { kind: 'http', at: http, port: 8081 },
    { kind: 'h2c', at: h2c, port: 8082 },
  ] as const)('fails no request of $kind while servers come and go', async ({ kind: spoken, at, port }) => {
    const { runtime } = haproxy;
    const made = await requestsWhile(host, { kind: spoken, to: placeOf(at), lanes: 8 }, async () => {
      for (let round = 0; round < 10; round++) {
        await sleep(100);
        await runtime.addServer(at, server(3, port), false);
        await sleep(100);
        await runtime.takeOut(at, server(3, port));
        await eventually('the server to be deleted', () => runtime.deleteServer(at, server(3, port)));
      }
    });
    expect(made.failures).toEqual([]);
    const { a = 0, b = 0, c = 0 } = made.answers;
    expect(Math.min(a, b, c)).toBeGreaterThan(20);
    // Eight lanes share what is open; one connection carries all of HTTP/2.
    expect(made.connections).toBe(spoken === 'h2c' ? 1 : 8);
    const worker = await runtime.follow();
    const { answers, latencies } = (await worker.counts()).get(sectionName(at)) ?? {};
    worker.close();
    expect(answers).toMatchObject({ '2xx': a + b + c, '5xx': 0 });
    expect(latencies?.counts.reduce((all, count) => all + count)).toBe(a + b + c);
  });

  it('takes a server back that is leaving, with another weight', async () => {
    const { runtime } = haproxy;
    await runtime.takeOut(http, server(2));
    await runtime.addServer(http, { ...server(2), weight: 7 }, true);
    const found = (await runtime.sections()).get(sectionName(http));
    expect(found?.servers.get('10.1.0.2_8081')).toEqual({ ...server(2), weight: 7, leaving: false });
  });

  it('reads its configuration anew without failing a request of HTTP/1.1', async () => {
    const { pid } = await haproxy.runtime.info();
    const made = await requestsWhile(host, { kind: 'http', to: placeOf(http) }, async () => {
      await sleep(200);
      await haproxy.runtime.write([http, h2c, section(3)], 2);
      await haproxy.runtime.reload();
      await sleep(200);
    });
    expect(made.failures).toEqual([]);
    expect((await haproxy.runtime.info()).pid).not.toBe(pid);
    expect([...(await haproxy.runtime.sections()).keys()]).toContain(sectionName(section(3)));
  });

  it('keeps a worker that was replaced for what is under way in it, and not for those who follow it, however many', async () => {
    const { runtime } = haproxy;
    const { pid } = await runtime.info();
    const followers = [await runtime.follow(), await runtime.follow()];
    const done = () => Promise.all(followers.map((each) => each.isDone()));
    const asked = requestsWhile(host, { kind: 'h2c', to: placeOf(h2c), lanes: 1, path: '/slow/1500' }, async () => {
      expect(await done()).toEqual([false, false]);
      await runtime.write([http, h2c], 2);
      await runtime.reload();
      expect(await done()).toEqual([false, false]);
    });
    expect((await asked).failures).toEqual([]);
    await eventually('nothing to be under way', async () => !(await done()).includes(false));
    for (const each of followers) each.close();
    await eventually('the worker to end', () => !haproxy.isRunning(pid));
  });

  it('refuses a configuration that is wrong, says so, and goes on with the one before', async () => {
    await haproxy.runtime.write([http, h2c, wrong], 2);
    await expect(haproxy.runtime.reload()).rejects.toThrow(/refuses its configuration[\s\S]*weight/);
    expect((await haproxy.runtime.sections()).has(sectionName(http))).toBe(true);
  });
});
