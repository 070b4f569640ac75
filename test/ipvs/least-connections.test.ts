import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DestinationState } from '../../src/ipvs/index.ts';
import { patience, whyNoIpvs } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import { WeightedRig } from './weighted-rig.ts';
import type { Scheduler } from './weighted-rig.ts';

const reason = await whyNoIpvs();
const { clusterIP } = addresses[4];
/** Connections that are opened, and after how many of them one is closed. */
const opened = 16;
const closeEach = 4;
/** Seconds; a guest on a busy machine takes some to look at what is to be seen until then. */
const shortTimeout = patience > 1 ? 20 : 5;
const longTimeout = 600;

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
const arithmetic = {
  lc: leastBy(overhead, false), // ip_vs_lc.c
  wlc: leastBy(overhead), // ip_vs_wlc.c
  sed: leastBy(delay), // ip_vs_sed.c
  nq: (all: readonly DestinationState[]) => all.find(({ active }) => active === 0) ?? leastBy(delay)(all), // ip_vs_nq.c
} satisfies Partial<Record<Scheduler, unknown>>;
const schedulers = Object.keys(arithmetic) as (keyof typeof arithmetic)[];

describe.skipIf(reason !== undefined)(
  `least connections in mode ipvs${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    let weighted: WeightedRig;

    beforeAll(async () => {
      weighted = await WeightedRig.create();
    }, 60_000 * patience);
    afterAll(() => weighted[Symbol.asyncDispose]());

    it.each(schedulers)(
      'by scheduler %s goes each time where the kernel’s own formula says, from counts that are exact',
      async (scheduler) => {
        const next = arithmetic[scheduler];
        const server = await weighted.serve(scheduler);
        expect(server.scheduler).toBe(scheduler);
        const resident = await weighted.rig.namespaceOf('outside').resident();
        const held: { id: number; server: string }[] = [];
        const counted = (): Promise<DestinationState[]> =>
          weighted.counted(server, (address) => held.filter((one) => one.server === address).length);
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

    it('counts a connection that a client has reset as open until the time-out of TCP, and no longer', async () => {
      const server = await weighted.serve('lc');
      await weighted.ipvs.setTcpTimeout(shortTimeout);
      const resident = await weighted.rig.namespaceOf('outside').resident();
      const reset = [await resident.open(clusterIP), await resident.open(clusterIP)];
      for (const { id } of reset) await resident.reset(id);
      const sharedBy = reset.map((one) => one.server);
      await weighted.counted(server, (address) => (sharedBy.includes(address) ? 1 : 0));
      // The third one is silent as well, and is to be open when those are forgotten.
      await weighted.ipvs.setTcpTimeout(longTimeout);
      const third = await resident.open(clusterIP);
      expect(sharedBy).not.toContain(third.server);
      await weighted.counted(server, (address) => (address === third.server ? 1 : 0));
      await resident.hangUp(third.id);
    });
  },
);
