import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DestinationState } from '../../src/ipvs/index.ts';
import { addressBytes } from '../../src/ip/index.ts';
import { hostOf, patience, whyNoIpvs } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import { weights, WeightedRig } from './weighted-rig.ts';

const reason = await whyNoIpvs();
const { clusterIP, localPod, remotePod, node } = addresses[4];
const clients = Array.from({ length: 24 }, (_, index) => `172.31.0.${index + 100}`);
/** IP_VS_SH_TAB_BITS of net/netfilter/ipvs/ip_vs_sh.c, and GOLDEN_RATIO_32 of linux/hash.h. */
const bucketBits = 8;
const goldenRatio = 0x61c88647;

/** Where `sh` sends a client: ip_vs_sh_hashkey and ip_vs_sh_reassign of ip_vs_sh.c, Linux 5.10 to 6.12. */
function hashed(client: string, destinations: readonly DestinationState[]): string | undefined {
  const [a = 0, b = 0, c = 0, d = 0] = addressBytes(client);
  const bucket = Math.imul(((a << 24) | (b << 16) | (c << 8) | d) >>> 0, goldenRatio) >>> (32 - bucketBits);
  const turns = destinations.flatMap(({ address, weight }) => Array<string>(weight).fill(address));
  return turns[bucket % turns.length];
}

describe.skipIf(reason !== undefined)(
  `schedulers that go by a hash or by weight alone${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    let weighted: WeightedRig;

    beforeAll(async () => {
      weighted = await WeightedRig.create();
      const added = clients.map((client) => `addr add ${client}/24 dev to-node`);
      await weighted.rig.namespaceOf('outside').ip(...added);
    }, 60_000 * patience);
    afterAll(() => weighted[Symbol.asyncDispose]());

    /** By client, who answers it. */
    const servedBy = async (): Promise<Map<string, string>> => {
      const served = new Map<string, string>();
      for (const source of clients) {
        const asked = { protocol: 'tcp', address: clusterIP, port: 80, source, timeoutMilliseconds: 8000 } as const;
        const [answer] = await weighted.rig.namespaceOf('outside').request(asked);
        served.set(source, answer?.error ?? hostOf(answer?.server));
      }
      return served;
    };

    it('sh sends each client where the kernel’s hash of its address says, every time', async () => {
      const server = await weighted.serve('sh');
      const destinations = await weighted.ipvs.destinations(server);
      const expected = new Map(clients.map((client) => [client, hashed(client, destinations)]));
      expect(new Set(expected.values()).size).toBe(3);
      expect(await servedBy()).toEqual(expected);
      expect(await servedBy()).toEqual(expected);
    });

    it('mh keeps each client where it is, and when an endpoint goes hardly moves others than its own', async () => {
      await weighted.serve('mh');
      const before = await servedBy();
      expect(new Set(before.values())).toEqual(new Set(Object.keys(weights)));
      expect(await servedBy()).toEqual(before);
      await weighted.serve('mh', [localPod, node]);
      const after = await servedBy();
      expect([...after.values()]).not.toContain(remotePod);
      const others = clients.filter((client) => before.get(client) !== remotePod);
      const moved = others.filter((client) => before.get(client) !== after.get(client));
      // Maglev's table is not perfect: of 4,093 places some per cent change hands.
      expect(moved.length).toBeLessThan(others.length / 3);
    });

    it('fo sends all to the endpoint with the highest weight, and to the next one when that has gone', async () => {
      await weighted.serve('fo');
      expect(new Set((await servedBy()).values())).toEqual(new Set([node]));
      await weighted.serve('fo', [localPod, remotePod]);
      expect(new Set((await servedBy()).values())).toEqual(new Set([remotePod]));
    });

    it('ovf fills the endpoint with the highest weight up to that and one more, then the next, and then refuses', async () => {
      const server = await weighted.serve('ovf');
      const resident = await weighted.rig.namespaceOf('outside').resident();
      const held: { readonly id: number; readonly server: string }[] = [];
      const openTo = (address: string): number => held.filter((one) => one.server === address).length;
      for (const address of [node, remotePod, localPod]) {
        for (let number = 0; number <= (weights[address] ?? 0); number++) {
          held.push(await resident.open(clusterIP));
          expect(held.at(-1)?.server).toBe(address);
          await weighted.counted(server, openTo);
        }
      }
      await expect(resident.open(clusterIP)).rejects.toThrow('ECONNREFUSED');
      for (const { id } of held) await resident.hangUp(id);
    });
  },
);
