import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, hostOf } from '../support/index.ts';
import { addresses, Cleaning, loadBalancer, service, ServiceRig, slice } from '../support/node/index.ts';
import type { Pod } from '../support/node/index.ts';

let rig: ServiceRig;
let cleaning: Cleaning;

beforeAll(async () => {
  rig = await ServiceRig.create();
  cleaning = new Cleaning(rig);
}, 60_000);

afterAll(async () => {
  await cleaning.stop();
  await rig[Symbol.asyncDispose]();
});

/** A client that always uses the same source port, as a DNS resolver or a QUIC connection does. */
async function sameFlow(address: string, port = 80, where: 'clientPod' | 'outside' = 'clientPod'): Promise<string> {
  const [answer] = await rig
    .namespaceOf(where)
    .request({ protocol: 'udp', address, port, sourcePort: 5353, timeoutMilliseconds: 400 });
  return answer?.error ?? hostOf(answer?.server);
}

/** What the flow gets in the end; cleaning follows a sync soon, not at once. */
async function settles(address: string, expected: string, port = 80, where: 'clientPod' | 'outside' = 'clientPod') {
  await eventually(`an answer from ${expected}`, async () => (await sameFlow(address, port, where)) === expected);
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
      await cleaning.run();
      await settles(clusterIP, localPod);
      await settles(node, localPod, 30080, 'outside');
      endpoints(['remotePod']);
      await cleaning.run();
      await settles(clusterIP, remotePod);
      await settles(node, remotePod, 30080, 'outside');
    });

    it(`reaches a Service that had no endpoints when it began to send (IPv${family})`, async () => {
      endpoints([]);
      await cleaning.run();
      await settles(clusterIP, 'ECONNREFUSED');
      endpoints(['localPod']);
      await cleaning.run();
      await settles(clusterIP, localPod);
    });

    it(`reaches a Service that did not exist when it began to send (IPv${family})`, async () => {
      const { loadBalancerIP } = addresses[family];
      rig.service('dns', undefined);
      await cleaning.run();
      // The node sends it on to its default gateway, and remembers that.
      await settles(loadBalancerIP, 'ETIMEDOUT');
      rig.service('dns', loadBalancer());
      await cleaning.run();
      await settles(loadBalancerIP, localPod);
    });

    it(`is not left hanging on a Service that was deleted (IPv${family})`, async () => {
      await settles(clusterIP, localPod);
      rig.service('dns', undefined);
      await cleaning.run();
      const arguments_ = ['-L', '-f', family === 4 ? 'ipv4' : 'ipv6', '-p', 'udp', '--orig-dst', clusterIP];
      const left = async () => (await rig.space.run('conntrack', arguments_)).trim();
      await eventually('its connections to go', async () => (await left()) === '');
    });
  }

  it('keeps its connection as long as its endpoint is there, whatever else changes', async () => {
    rig.service('dns', service());
    endpoints(['localPod']);
    await cleaning.run();
    await settles(addresses[4].clusterIP, addresses[4].localPod);
    const before = cleaning.deleted;
    endpoints(['localPod', 'remotePod']);
    await cleaning.run();
    for (let round = 0; round < 5; round++) expect(await sameFlow(addresses[4].clusterIP)).toBe(addresses[4].localPod);
    expect(cleaning.deleted).toBe(before);
  });
});
