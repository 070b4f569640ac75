import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/runtime/index.ts';
import { ConntrackCleaner } from '../../src/agent/conntrack/index.ts';
import { conntrackTable, trackedPort } from '../../src/agent/index.ts';
import type { Tracked } from '../../src/agent/index.ts';
import { ConntrackSocket } from '../../src/conntrack/index.ts';
import { loadBalancer, service, slice } from './objects.ts';
import type { Pod } from './objects.ts';
import { addresses, Rig } from './rig.ts';

let rig: Rig;
let conntrack: ConntrackSocket;
let cleaner: ConntrackCleaner<Tracked>;
let deleted = 0;

beforeAll(async () => {
  rig = await Rig.create();
  await rig.startEndpoints();
  conntrack = ConntrackSocket.open({ namespacePath: rig.node.path });
  cleaner = new ConntrackCleaner<Tracked>({
    table: conntrackTable(conntrack),
    nodePortAddresses: () => new Set([addresses[4].node, addresses[6].node]),
    onCleaned: (cleanUp) => (deleted += cleanUp.deleted),
    onFailure: (error) => {
      throw error;
    },
    clock: systemClock,
  });
}, 60_000);

afterAll(async () => {
  await cleaner.stop();
  conntrack.close();
  await rig[Symbol.asyncDispose]();
});

async function sync(): Promise<void> {
  const { changes } = await rig.run();
  cleaner.applied(
    changes.flatMap(({ before, after }) => {
      const id = (after ?? before)?.id;
      return id === undefined ? [] : [[id, after && trackedPort(after)] as const];
    }),
  );
}

const host = (endpoint: string | undefined): string => (endpoint ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');

/** A client that always uses the same source port, as a DNS resolver or a QUIC connection does. */
async function sameFlow(address: string, port = 80, where: 'clientPod' | 'outside' = 'clientPod'): Promise<string> {
  const [answer] = await rig
    .namespaceOf(where)
    .request({ protocol: 'udp', address, port, sourcePort: 5353, timeoutMilliseconds: 400 });
  return answer?.error ?? host(answer?.server);
}

/** What the flow gets in the end; cleaning follows a sync soon, not at once. */
async function settles(address: string, expected: string, port = 80, where: 'clientPod' | 'outside' = 'clientPod') {
  await expect.poll(() => sameFlow(address, port, where), { timeout: 15_000, interval: 100 }).toBe(expected);
}

function endpoints(pods: readonly Pod[]): void {
  for (const family of [4, 6] as const) rig.slice(`dns-${family}`, slice('dns', family, pods));
}

describe('a UDP client that keeps its source port', () => {
  for (const family of [4, 6] as const) {
    const { clusterIP, localPod, remotePod, node } = addresses[family];

    it(`is sent to another endpoint when its own has gone (IPv${family})`, async () => {
      rig.service('dns', loadBalancer());
      endpoints(['localPod']);
      await sync();
      await settles(clusterIP, localPod);
      await settles(node, localPod, 30080, 'outside');
      endpoints(['remotePod']);
      await sync();
      await settles(clusterIP, remotePod);
      await settles(node, remotePod, 30080, 'outside');
    });

    it(`reaches a Service that had no endpoints when it began to send (IPv${family})`, async () => {
      endpoints([]);
      await sync();
      await settles(clusterIP, 'ECONNREFUSED');
      endpoints(['localPod']);
      await sync();
      await settles(clusterIP, localPod);
    });

    it(`is not left hanging on a Service that was deleted (IPv${family})`, async () => {
      await settles(clusterIP, localPod);
      rig.service('dns', undefined);
      await sync();
      await expect
        .poll(
          async () =>
            (
              await rig.node.run('conntrack', [
                '-L',
                '-f',
                family === 4 ? 'ipv4' : 'ipv6',
                '-p',
                'udp',
                '--orig-dst',
                clusterIP,
              ])
            ).trim(),
          {
            timeout: 15_000,
          },
        )
        .toBe('');
    });
  }

  it('keeps its connection as long as its endpoint is there, whatever else changes', async () => {
    rig.service('dns', service());
    endpoints(['localPod']);
    await sync();
    await settles(addresses[4].clusterIP, addresses[4].localPod);
    const before = deleted;
    endpoints(['localPod', 'remotePod']);
    await sync();
    for (let round = 0; round < 5; round++) expect(await sameFlow(addresses[4].clusterIP)).toBe(addresses[4].localPod);
    expect(deleted).toBe(before);
  });
});
