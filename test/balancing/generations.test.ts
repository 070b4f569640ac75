import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../src/api/index.ts';
import { dataPlaneFactories } from '../../src/dataplane/index.ts';
import { olderCheckout, whyNoOlderVersion } from '../support/index.ts';
import { Flood } from './flood.ts';
import { endpointSlices, serviceOf } from './objects.ts';
import { Rig } from './rig.ts';
import { startWitness, testimony } from './witness.ts';

/** Beside the one that is asked for: so that nothing is over in a moment. */
const others = 400;
let rig: Rig;

const byRange: ProxySettings = { clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'] };
const byInterface: ProxySettings = {
  detectLocal: { mode: 'InterfaceNamePrefix', interfaceNamePrefix: 'to-cli' },
};

function objects(count: number, endpoints: readonly number[] = [1, 2, 3]): Parameters<Rig['restart']>[0] {
  const names = ['web', ...Array.from({ length: count }, (_, index) => `other-${index}`)];
  return {
    services: Object.fromEntries(names.map((name, index) => [name, serviceOf(name, { number: index + 1 })])),
    slices: Object.fromEntries(names.flatMap((name) => [...endpointSlices(name, endpoints, 8080)])),
  };
}

async function restart(settings: ProxySettings, count = others, version = dataPlaneFactories): Promise<void> {
  rig.restart(objects(count), version);
  rig.configure(settings);
  await rig.run();
}

beforeAll(async () => {
  rig = await Rig.create(6);
  // Flows are told apart by their first packet: the node need not know them for long.
  rig.space.sysctl({ 'net.netfilter.nf_conntrack_udp_timeout': 1 });
  await startWitness(rig.space);
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** The priority of the nat chain to which new connections from outside this host come first. */
async function firstAsked(): Promise<number> {
  const listing = await rig.nft('--numeric-priority', 'list', 'table', 'inet', 'nftproxy');
  const places = listing.matchAll(/type nat hook prerouting priority (-?\d+);/g);
  return Math.min(...[...places].map(([, priority]) => Number(priority)));
}

/** Lets pods flood the node with new flows to a Service while `changes` go on, and counts what became of them. */
async function underFlood(changes: () => Promise<void>): Promise<void> {
  const before = await testimony(rig.space);
  const flood = await Flood.start(rig);
  try {
    await changes();
  } finally {
    await flood.stop();
  }
  const after = await testimony(rig.space);
  const came = after.came - before.came;
  console.log(`${came} distinct new flows`);
  expect(came).toBeGreaterThan(1000);
  expect({ masqueraded: after.masqueraded, untranslated: after.untranslated }).toEqual({
    masqueraded: 0,
    untranslated: 0,
  });
  expect(came - (after.right - before.right)).toBe(0);
}

describe('no flow of a flood of distinct new ones is lost, untranslated or wrongly masqueraded', () => {
  it('while the agent is restarted, with the same settings and with another local detector', async () => {
    await restart(byRange);
    await underFlood(async () => {
      for (const settings of [byRange, byInterface, byInterface, byRange]) await restart(settings);
    });
  }, 120_000);

  it('while the local detector changes in a running agent', async () => {
    await underFlood(async () => {
      for (const settings of [byInterface, byRange, { clusterCIDRs: ['10.0.0.0/8'] }, byInterface, byRange]) {
        rig.configure(settings);
        await rig.run();
      }
    });
  }, 120_000);

  it('while the node gets many more Services and loses them again, in a running agent and over restarts', async () => {
    await restart(byRange, 0);
    await underFlood(async () => {
      for (const count of [others, 0]) {
        for (const [name, service] of Object.entries(objects(others).services)) {
          if (name !== 'web') rig.service(name, count === 0 ? undefined : service);
        }
        await rig.run();
      }
      for (const count of [others, 0, others]) await restart(byRange, count);
    });
  }, 120_000);

  it.skipIf(whyNoOlderVersion() !== undefined)(
    'while the agent is one of the version before, which new connections come to later, and this one again, and again',
    async () => {
      const path = join(await olderCheckout(), 'src/dataplane/index.ts');
      // `as`: it keeps the same contract, or it could not be upgraded.
      const { dataPlaneFactories: before } = (await import(path)) as { dataPlaneFactories: typeof dataPlaneFactories };
      await restart(byRange, others, before);
      expect(await firstAsked()).toBe(-100);
      await underFlood(async () => {
        for (let times = 0; times < 3; times++) {
          await restart(byRange);
          expect(await firstAsked()).toBe(-101);
          await restart(byRange, others, before);
          expect(await firstAsked()).toBe(-100);
        }
      });
      await restart(byRange);
    },
    120_000,
  );

  it('while the agent takes over what an older version wrote, rule by rule another', async () => {
    await restart(byRange);
    await rig.dataPlane.remove();
    rig[Symbol.dispose]();
    await rig.space.nft(older);
    await underFlood(() => restart(byRange));
    expect(await rig.nft('list', 'table', 'inet', 'nftproxy')).not.toContain('random4_3 {');
  }, 120_000);
});

/** In the manner of the first version: no generations, base chains of other names and priorities. */
const older = `table inet nftproxy {
  comment "nftproxy data plane, layout 1"
  map services4 { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 10.96.0.1 . udp . 80 : goto random4_3 } }
  map endpoints4 {
    typeof ip daddr . meta l4proto . th dport . numgen random mod 65536 : ip daddr . th dport
    elements = {
      10.96.0.1 . udp . 80 . 0 : 10.244.2.1 . 8080,
      10.96.0.1 . udp . 80 . 1 : 10.244.2.2 . 8080,
      10.96.0.1 . udp . 80 . 2 : 10.244.2.3 . 8080
    }
  }
  chain random4_3 {
    meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 3 map @endpoints4
  }
  chain services {
    meta nfproto ipv4 ip daddr . meta l4proto . th dport vmap @services4
  }
  chain prerouting { type nat hook prerouting priority -100; jump services; }
  chain output { type nat hook output priority -100; jump services; }
  chain input { type nat hook input priority 100; }
  chain postrouting { type nat hook postrouting priority 100; }
}`;
