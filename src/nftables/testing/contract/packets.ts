import { describe, expect, it } from 'vitest';
import { concat, ipDaddr, lookup, matchL4Protocols, thDport, updateSet } from '../../index.ts';
import type { Element, SetDefinition } from '../../index.ts';
import { change, contents, oneProgram } from './contract-host.ts';
import type { OpenHost } from './contract-host.ts';

/** For hosts that have no packets: what the packet of the story leaves behind in table `t`. */
export const traces = {
  counted: { set: 'counted', key: '127.0.0.1 . 9' },
  learned: { set: 'learned', key: '127.0.0.1 . 9', timeoutSeconds: 3600 },
} as const satisfies Record<string, Element>;

// The answer, that nobody listens, is ICMP.
const udp = matchL4Protocols(['udp']);
const destination = concat(ipDaddr(4), thDport());
const key = ['ipv4_addr', 'inet_service'] as const;
const counted: SetDefinition = { name: 'counted', key, counter: true };
const learned: SetDefinition = { name: 'learned', key, dynamic: true, timeout: true, size: 10 };

/** What packets leave behind. */
export function packets(openHost: OpenHost): void {
  describe('a packet', () => {
    it('is counted by the element it meets and remembered by a dynamic set, without a generation', async () => {
      const { host, socket } = await oneProgram(openHost);
      const { generation } = await socket.commit(
        change()
          .addTable()
          .addSet(counted)
          .addSet(learned)
          .addElements(counted, [{ set: 'counted', key: traces.counted.key }])
          .addChain({ name: 'output', base: { type: 'filter', hook: 'output', priority: 0 } })
          .addRule({ chain: 'output', statements: [udp, lookup(destination, 'counted')] })
          .addRule({ chain: 'output', statements: [udp, updateSet('learned', destination, 3600)] }),
      );
      expect(await socket.elements('t', counted)).toEqual([{ ...traces.counted, packets: 0, bytes: 0 }]);
      await host.sendPacket();
      await host.sendPacket();
      expect(await socket.elements('t', counted)).toMatchObject([{ ...traces.counted, packets: 2 }]);
      expect(await socket.elements('t', learned)).toMatchObject([traces.learned]);
      expect((await socket.generation()).id).toBe(generation);
      await socket.commit(change().deleteElements(learned, [traces.learned]));
      expect(await contents(socket, learned)).toEqual([]);
    });

    it('keeps its count when the element is added again, and loses it when it is deleted', async () => {
      const { host, socket } = await oneProgram(openHost);
      const elements = [{ set: 'counted', key: traces.counted.key }];
      await socket.commit(
        change()
          .addTable()
          .addSet(counted)
          .addSet(learned)
          .addElements(counted, elements)
          .addChain({ name: 'output', base: { type: 'filter', hook: 'output', priority: 0 } })
          .addRule({ chain: 'output', statements: [udp, lookup(destination, 'counted')] }),
      );
      await host.sendPacket();
      await socket.commit(change().addElements(counted, elements));
      expect(await socket.elementsByKey('t', counted, elements)).toMatchObject([{ packets: 1 }]);
      await socket.commit(change().deleteElements(counted, elements).addElements(counted, elements));
      expect(await socket.elementsByKey('t', counted, elements)).toMatchObject([{ packets: 0 }]);
    });
  });
}
