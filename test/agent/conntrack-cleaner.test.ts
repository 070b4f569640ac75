import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { link, Namespace } from '../support/namespace.ts';
import type { ConntrackEntry } from '../../src/conntrack/index.ts';
import { ConntrackSocket } from '../../src/conntrack/index.ts';
import type { Family } from '../../src/services/index.ts';
import { systemClock } from '../../src/runtime/index.ts';
import { ConntrackCleaner } from '../../src/agent/conntrack/index.ts';
import type { CleanUp, Tracked, TrackedServicePort } from '../../src/agent/conntrack/index.ts';

const isRoot = process.getuid?.() === 0;

const plan = {
  4: {
    vip: '10.96.0.10',
    client: '10.0.1.2',
    router: '10.0.1.1',
    podRouter: '10.0.2.1',
    pods: ['10.0.2.2', '10.0.2.3'],
    prefix: 24,
  },
  6: {
    vip: 'fd96::10',
    client: 'fd01::2',
    router: 'fd01::1',
    podRouter: 'fd02::1',
    pods: ['fd02::2', 'fd02::3'],
    prefix: 64,
  },
} as const;
const families = [4, 6] as const;
const bracket = (address: string) => (address.includes(':') ? `[${address}]` : address);

/** client --- node (translates VIP:53 to a pod) --- pods */
describe.skipIf(!isRoot)('conntrack clean-up in a real kernel', () => {
  let client: Namespace;
  let node: Namespace;
  let pods: Namespace;
  let socket: ConntrackSocket;
  const cleaned: CleanUp[] = [];
  let cleaner: ConntrackCleaner<Tracked>;

  beforeAll(async () => {
    client = await Namespace.create('client');
    node = await Namespace.create('node', { forwarding: true });
    pods = await Namespace.create('pods');
    const end = (pick: (family: Family) => string[], via?: (family: Family) => string) => ({
      addresses: families.flatMap((family) => pick(family).map((address) => `${address}/${plan[family].prefix}`)),
      ...(via && { routes: families.map((family) => ({ to: 'default', via: via(family) })) }),
    });
    await link(client, node, {
      a: end(
        (f) => [plan[f].client],
        (f) => plan[f].router,
      ),
      b: end((f) => [plan[f].router]),
    });
    await link(pods, node, {
      a: end(
        (f) => [...plan[f].pods],
        (f) => plan[f].podRouter,
      ),
      b: end((f) => [plan[f].podRouter]),
    });
    await pods.serve(
      families.flatMap((f) => plan[f].pods.map((address) => ({ protocol: 'udp' as const, address, port: 53 }))),
    );
    socket = ConntrackSocket.open({ namespacePath: node.path });
    cleaner = new ConntrackCleaner<Tracked>({
      table: {
        entries: async (section) =>
          (await socket.entries(section)).map((entry) => ({ ...section, ...pickTuples(entry), entry })),
        delete: ({ entry }) => socket.delete(entry),
      },
      nodePortAddresses: () => new Set(),
      onCleaned: (cleanUp) => void cleaned.push(cleanUp),
      onFailure: (error) => void expect.fail(String(error)),
      clock: systemClock,
    });
  }, 120_000);

  afterAll(async () => {
    await cleaner.stop();
    socket.close();
    await Promise.all([client.destroy(), node.destroy(), pods.destroy()]);
  }, 60_000);

  function pickTuples({ original, reply, status }: ConntrackEntry) {
    return { original, reply, seenReply: status.seenReply };
  }

  /** The kernel sends new connections to this pod, or nowhere. */
  async function translate(family: Family, pod: string | undefined): Promise<void> {
    const ip = family === 4 ? 'ip' : 'ip6';
    const chain = `${ip} test prerouting`;
    const lines = [
      `add table ${ip} test`,
      `add chain ${chain} { type nat hook prerouting priority dstnat; }`,
      `flush chain ${chain}`,
      // The kernel tracks connections only while some rule needs it; this one always does.
      `add chain ${ip} test forward { type filter hook forward priority 0; }`,
      `add rule ${ip} test forward ct state established accept`,
    ];
    if (pod !== undefined) {
      lines.push(`add rule ${chain} ${ip} daddr ${plan[family].vip} udp dport 53 dnat to ${bracket(pod)}:53`);
    }
    await node.nft(`${lines.join('\n')}\n`);
  }

  const servicePort = (family: Family, serving: readonly string[]): TrackedServicePort => ({
    protocol: 'udp',
    family,
    frontends: [{ kind: 'ClusterIP', address: plan[family].vip, port: 53, policy: 'Cluster' }],
    servingEndpoints: serving.map((address) => ({ address, port: 53 })),
  });

  /** Who answers a client that always uses the same port. */
  async function ask(family: Family, sourcePort: number): Promise<string> {
    const to = { protocol: 'udp' as const, address: plan[family].vip, port: 53, timeoutMilliseconds: 1500 };
    const [answer] = await client.request({ ...to, sourcePort });
    return answer?.server ?? answer?.error ?? 'nothing';
  }

  async function applied(id: string, port: TrackedServicePort | undefined): Promise<void> {
    const before = cleaned.length;
    cleaner.applied([[id, port]]);
    await expect.poll(() => cleaned.length, { timeout: 20_000 }).toBeGreaterThan(before);
  }

  test.each(families)(
    'a UDP client that keeps its port moves to a living endpoint (IPv%i)',
    async (family) => {
      const {
        pods: [first, second],
      } = plan[family];
      await translate(family, first);
      await applied(`dns${family}`, servicePort(family, [first, second]));
      expect(await ask(family, 4001)).toBe(`${bracket(first)}:53`);

      // The first pod is gone for new connections; this client's is an old one.
      await translate(family, second);
      expect(await ask(family, 4001)).toBe(`${bracket(first)}:53`);
      expect(await ask(family, 4002)).toBe(`${bracket(second)}:53`);
      await applied(`dns${family}`, servicePort(family, [second]));
      expect(cleaned.at(-1)).toMatchObject({ family, deleted: 1 });
      expect(await ask(family, 4001)).toBe(`${bracket(second)}:53`);
    },
    60_000,
  );

  test.each(families)(
    'the flow of a client to a living endpoint is left alone (IPv%i)',
    async (family) => {
      const {
        pods: [first, second],
      } = plan[family];
      await translate(family, second);
      await applied(`left${family}`, servicePort(family, [first, second]));
      await ask(family, 4010);
      const id = async () =>
        (await socket.entries({ family, protocol: 'udp' })).find(({ original }) => original.sourcePort === 4010)?.id;
      const before = await id();
      expect(before).toBeDefined();
      await applied(`left${family}`, servicePort(family, [second]));
      await delay(100);
      expect(await id()).toBe(before);
    },
    60_000,
  );

  test.each(families)(
    'a client that tried before there was a Service gets through afterwards (IPv%i)',
    async (family) => {
      const {
        pods: [first],
      } = plan[family];
      await translate(family, undefined);
      // Somewhere to send it, so that the kernel keeps an entry: as with a default route out of the cluster.
      const ip = family === 4 ? '-4' : '-6';
      const target = family === 4 ? plan[4].pods[1] : plan[6].pods[1];
      await node.run('ip', [ip, 'route', 'replace', plan[family].vip, 'via', target]);
      expect(await ask(family, 4020)).toBe('ETIMEDOUT');
      await translate(family, first);
      expect(await ask(family, 4020)).toBe('ETIMEDOUT');
      await applied(`late${family}`, servicePort(family, [first]));
      expect(await ask(family, 4020)).toBe(`${bracket(first)}:53`);
      await applied(`late${family}`, undefined);
      const left = await socket.entries({ family, protocol: 'udp' });
      expect(left.filter(({ original }) => original.sourcePort === 4020)).toEqual([]);
    },
    60_000,
  );
});
