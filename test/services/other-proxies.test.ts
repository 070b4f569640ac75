import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostOf } from '../support/index.ts';
import type { Answer } from '../support/index.ts';
import { addresses, service, ServiceRig, slice } from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

let rig: ServiceRig;
/** In our ServiceCIDRs, of a Service that another proxy serves. */
const theirs = { 4: '10.96.0.50', 6: 'fd00:10:96::50' } as const;
const families = [4, 6] as const;

beforeAll(async () => {
  rig = await ServiceRig.create();
  rig.service('web', service());
  for (const family of families) rig.slice(`web-${family}`, slice('web', family, ['localPod']));
  const labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
  const other = service({ clusterIP: theirs[4], clusterIPs: [theirs[4], theirs[6]] });
  rig.service('other', { ...other, metadata: { ...other.metadata, labels } });
  await rig.run();
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

async function ask(where: Where, address: string, port = 80): Promise<Answer | undefined> {
  const [answer] = await rig
    .namespaceOf(where)
    .request({ protocol: 'tcp', address, port, count: 1, timeoutMilliseconds: 1500 });
  return answer;
}

/** Another program translates its Service's address, for pods and for the host itself. */
const otherProxy = (priority: number): string => `table inet other_proxy {
  chain translate {
    ip daddr ${theirs[4]} tcp dport 80 dnat ip to ${addresses[4].localPod}:8080
    ip6 daddr ${theirs[6]} tcp dport 80 dnat ip6 to [${addresses[6].localPod}]:8080
  }
  chain prerouting { type nat hook prerouting priority ${priority}; jump translate; }
  chain output { type nat hook output priority ${priority}; jump translate; }
}`;

describe('a Service that another proxy serves', () => {
  for (const [when, priority] of [
    ['before ours', -110],
    ['with ours', -101],
    ['where kube-proxy would', -100],
    ['after ours', -90],
  ] as const) {
    it(`is reached there although its address is in our range, if that one translates ${when}`, async () => {
      await rig.space.nft(otherProxy(priority));
      try {
        for (const family of families) {
          for (const where of ['clientPod', 'node'] as const) {
            const answer = await ask(where, theirs[family]);
            expect(hostOf(answer?.server), `${where} IPv${family}: ${answer?.error}`).toBe(addresses[family].localPod);
          }
        }
        // Nobody has this one.
        expect((await ask('clientPod', '10.96.0.51'))?.error).toBe('ETIMEDOUT');
      } finally {
        await rig.nft('delete', 'table', 'inet', 'other_proxy');
      }
    });
  }
});

describe('an address of this host in a ServiceCIDR', () => {
  it('stays reachable: what is bound there answers, whether a Service has the address or not', async () => {
    const bound = { 4: '10.96.0.60', 6: 'fd00:10:96::60' } as const;
    for (const family of families) {
      const prefix = family === 4 ? 32 : 128;
      for (const address of [bound[family], addresses[family].clusterIP]) {
        await rig.space.run(
          'ip',
          ['address', 'add', `${address}/${prefix}`, 'dev', 'lo', 'nodad'].slice(0, family === 4 ? 5 : 6),
        );
      }
    }
    await rig.space.serve(
      families.flatMap((family) =>
        [
          [bound[family], 7000],
          [addresses[family].clusterIP, 7001],
        ].map(([address, port]) => ({ protocol: 'tcp' as const, address: String(address), port: Number(port) })),
      ),
    );
    for (const family of families) {
      for (const where of ['clientPod', 'node'] as const) {
        expect((await ask(where, bound[family], 7000))?.error, `${where} ${family}`).toBeUndefined();
        expect((await ask(where, addresses[family].clusterIP, 7001))?.error, `${where} ${family}`).toBeUndefined();
        expect(hostOf((await ask(where, addresses[family].clusterIP))?.server)).toBe(addresses[family].localPod);
      }
    }
  });
});
