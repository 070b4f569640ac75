import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { IpvsSocket } from '../../src/ipvs/index.ts';
import type { DestinationState, VirtualServer } from '../../src/ipvs/index.ts';
import { patience } from '../support/index.ts';
import { addresses, service, ServiceRig, slice } from '../support/node/index.ts';
import { whyNoIpvs } from '../support/index.ts';

const reason = await whyNoIpvs();
const { clusterIP, localPod, remotePod, node } = addresses[4];
/** Connections that are opened, and after how many of them one is closed. */
const opened = 16;
const closeEach = 4;

/** ip_vs_dest_conn_overhead of include/net/ip_vs.h, Linux 6.12. */
const overhead = ({ active, inactive }: DestinationState): number => active * 256 + inactive;
const delay = ({ active }: DestinationState): number => active + 1;

/** The first with the least load by weight, as the kernel compares without fractions: `load1 * weight2 > load2 * weight1`. */
function leastBy(load: (destination: DestinationState) => number, weighted = true) {
  return (destinations: readonly DestinationState[]): DestinationState =>
    destinations.reduce((least, next) => {
      const [own, other] = weighted ? [next.weight, least.weight] : [1, 1];
      return load(least) * own > load(next) * other ? next : least;
    });
}

/** Who is next, from the counts in the order in which the kernel has the endpoints. Source: net/netfilter/ipvs of Linux 6.12. */
const arithmetic: Readonly<Record<string, (destinations: readonly DestinationState[]) => DestinationState>> = {
  lc: leastBy(overhead, false), // ip_vs_lc.c
  wlc: leastBy(overhead), // ip_vs_wlc.c
  sed: leastBy(delay), // ip_vs_sed.c
  nq: (all) => all.find(({ active }) => active === 0) ?? leastBy(delay)(all), // ip_vs_nq.c
};

/** A slice of the Service with one endpoint. */
const withWeight = (weight: number, address: string) => {
  const made = slice('web', 4, ['remotePod']);
  const [endpoint] = made.endpoints ?? [];
  const annotations = { 'nftproxy.io/weight': String(weight) };
  return { ...made, metadata: { ...made.metadata, annotations }, endpoints: [{ ...endpoint, addresses: [address] }] };
};

describe.skipIf(reason !== undefined)(
  `least connections in mode ipvs${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    let rig: ServiceRig;
    let ipvs: IpvsSocket;

    beforeAll(async () => {
      rig = await ServiceRig.create();
      ipvs = IpvsSocket.open({ namespacePath: rig.space.path });
      await rig.world.node.serve([{ protocol: 'tcp', address: node, port: 8080 }]);
      rig.service('web', service({ ports: [{ name: 'tcp', protocol: 'TCP', port: 80 }] }));
      rig.slice('web-1', withWeight(1, localPod));
      rig.slice('web-2', withWeight(2, remotePod));
      rig.slice('web-5', withWeight(5, node));
    }, 60_000 * patience);
    afterAll(async () => {
      ipvs.close();
      await rig[Symbol.asyncDispose]();
    });

    /** The virtual server of the Service. */
    const serverOf = async (): Promise<VirtualServer> => {
      const [only, ...more] = (await ipvs.servers()).filter(({ family }) => family === 4);
      if (!only || more.length > 0) throw new Error('the Service has one virtual server');
      return only;
    };

    it.each(Object.entries(arithmetic))(
      'by scheduler %s goes each time where the kernel’s own formula says, from counts that are exact',
      async (scheduler, next) => {
        rig.configure({ mode: 'ipvs', ipvs: { scheduler: scheduler as 'lc' } });
        await rig.run();
        const server = await serverOf();
        expect(server.scheduler).toBe(scheduler);
        const resident = await rig.namespaceOf('outside').resident();
        const held: { id: number; server: string }[] = [];
        const counted = async (): Promise<DestinationState[]> => {
          const open = Map.groupBy(held, (one) => one.server);
          return vi.waitFor(
            async () => {
              const destinations = await ipvs.destinations(server);
              for (const each of destinations) expect(each.active).toBe(open.get(each.address)?.length ?? 0);
              return destinations;
            },
            { timeout: 60_000 },
          );
        };
        for (let number = 1; number <= opened; number++) {
          const before = await counted();
          const connection = await resident.open(clusterIP);
          held.push(connection);
          // One that was closed long ago may have been forgotten in between.
          const after = (await counted()).map((each) =>
            each.address === connection.server ? { ...each, active: each.active - 1 } : each,
          );
          expect([before, after].map((counts) => next(counts).address)).toContain(connection.server);
          const closed = number % closeEach === 0 ? held.shift() : undefined;
          if (closed) await resident.hangUp(closed.id);
        }
        for (const { id } of held) await resident.hangUp(id);
        held.length = 0;
        await counted();
      },
    );
  },
);
