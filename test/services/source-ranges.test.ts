import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addresses, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

type Family = 4 | 6;

let rig: ServiceRig;

beforeAll(async () => {
  rig = await ServiceRig.create();
  for (const family of [4, 6] as const) {
    rig.slice(`web-${family}`, slice('web', family, ['localPod', 'remotePod']));
    const { loadBalancerIP } = addresses[family];
    // Some load balancers have every node hold their address.
    const length = family === 4 ? 32 : 128;
    await rig.space.run('ip', ['address', 'add', `${loadBalancerIP}/${length}`, 'dev', 'lo']);
  }
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

async function admit(...loadBalancerSourceRanges: string[]): Promise<void> {
  rig.service('web', loadBalancer({ loadBalancerSourceRanges }));
  await rig.run();
}

/** Whether the load balancer's address answers. */
async function reaches(where: Where, family: Family, source?: string): Promise<boolean> {
  const [answer] = await rig.namespaceOf(where).request({
    ...{ protocol: 'tcp', address: addresses[family].loadBalancerIP, port: 80, timeoutMilliseconds: 500 },
    ...(source === undefined ? {} : { source }),
  });
  return answer?.error === undefined;
}

describe('who may connect to a load balancer’s address', () => {
  it('over IPv4 is not widened by a range that opens IPv6, nor the other way round', async () => {
    await admit('::/0', '10.244.0.0/16');
    expect([await reaches('outside', 4), await reaches('clientPod', 4)]).toEqual([false, true]);
    expect([await reaches('outside', 6), await reaches('clientPod', 6)]).toEqual([true, true]);
    await admit('0.0.0.0/0', 'fd00:10:244::/48');
    expect([await reaches('outside', 4), await reaches('clientPod', 4)]).toEqual([true, true]);
    expect([await reaches('outside', 6), await reaches('clientPod', 6)]).toEqual([false, true]);
  }, 30_000);

  it('is nobody in a family of which no range is named', async () => {
    await admit('::/0');
    for (const where of ['outside', 'clientPod', 'node'] as const) expect(await reaches(where, 4)).toBe(false);
    expect(await reaches('outside', 6)).toBe(true);
  }, 30_000);

  it.each([4, 6] as const)(
    'is the node from that very address, if the node is (IPv%s)',
    async (family) => {
      const { loadBalancerIP, node, podCIDR } = addresses[family];
      await admit(`${node}/${family === 4 ? 32 : 128}`);
      expect(await reaches('node', family, loadBalancerIP)).toBe(true);
      expect(await reaches('outside', family)).toBe(false);
      await admit(podCIDR);
      expect(await reaches('node', family, loadBalancerIP)).toBe(false);
    },
    30_000,
  );
});
