import { describe, expect, it } from 'vitest';
import type { Element, SetDefinition } from '../../index.ts';
import { change, codeOf, contents, oneProgram, refusal } from './contract-host.ts';
import type { OpenHost } from './contract-host.ts';

const frontends: SetDefinition = { name: 'frontends', key: ['ipv4_addr', 'inet_proto', 'inet_service'] };
const endpoints: SetDefinition = {
  name: 'endpoints',
  key: ['inet_service', 'slot'],
  data: ['ipv4_addr', 'inet_service'],
};
const verdicts: SetDefinition = { name: 'verdicts', key: ['inet_service'], data: 'verdict' };

function of(set: SetDefinition, ...keys: readonly (readonly [string, string?])[]): Element[] {
  return keys.map(([key, data]) => ({ set: set.name, key, ...(data === undefined ? {} : { data }) }));
}

/** Sets and maps with exact keys, and their elements. */
export function setsAndElements(openHost: OpenHost): void {
  describe('a set or map', () => {
    it('comes back as it was made', async () => {
      const { socket } = await oneProgram(openHost);
      const sets: SetDefinition[] = [
        { ...frontends, comment: 'who is there', counter: true },
        { ...endpoints, size: 100 },
        verdicts,
        { name: 'ranges', key: ['ipv6_addr'], interval: true },
        { name: 'boxes', key: ['inet_service', 'ipv4_addr'], interval: true },
        { name: 'clients', key: ['ipv4_addr'], data: ['ipv4_addr'], dynamic: true, timeout: true, size: 9 },
      ];
      const transaction = change().addTable();
      for (const set of sets) transaction.addSet(set);
      await socket.commit(transaction);
      expect((await socket.sets('t')).map(({ definition }) => definition)).toEqual(sets);
    });

    it('may be made again with the same types, but not with others', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable().addSet(frontends));
      await socket.commit(change().addSet({ ...frontends, comment: 'too late' }));
      expect((await socket.sets('t')).map(({ definition }) => definition)).toEqual([frontends]);
      const others: Partial<SetDefinition>[] = [
        { key: ['ipv4_addr'] },
        { data: ['ipv4_addr'] },
        { counter: true },
        { timeout: true },
      ];
      for (const other of others) {
        expect((await refusal(socket, change().addSet({ ...frontends, ...other }))).culprits).toMatchObject([
          { set: 'frontends', code: 'EEXIST' },
        ]);
      }
    });

    it('holds as many elements as its size says; a raised one counts from the next transaction', async () => {
      const { socket } = await oneProgram(openHost);
      const small = { ...verdicts, size: 2 };
      const three = of(small, ['1', 'drop'], ['2', 'drop'], ['3', 'accept']);
      await socket.commit(change().addTable().addSet(small));
      const error = await refusal(socket, change().addElements(small, three));
      expect(error.culprits).toMatchObject([{ code: 'ENFILE', element: { key: '3', data: 'accept' } }]);
      expect(
        await codeOf(
          socket,
          change()
            .addSet({ ...small, size: 3 })
            .addElements(small, three),
        ),
      ).toBe('ENFILE');
      await socket.commit(change().addSet({ ...small, size: 3 }));
      await socket.commit(change().addElements(small, three));
      // What goes in a transaction makes room in it.
      await socket.commit(
        change()
          .deleteElements(small, of(small, ['1']))
          .addElements(small, of(small, ['4', 'drop'])),
      );
      expect(await contents(socket, small)).toEqual(['2 : drop', '3 : accept', '4 : drop']);
    });

    it('that is not there can be neither deleted nor flushed, and takes no element', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable());
      for (const transaction of [
        change().deleteSet('frontends'),
        change().flushSet('frontends'),
        change().addElements(frontends, of(frontends, ['10.0.0.1 . tcp . 80'])),
      ]) {
        expect((await refusal(socket, transaction)).culprits).toMatchObject([{ code: 'ENOENT', set: 'frontends' }]);
      }
      await expect(socket.elements('t', frontends)).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });

  describe('an element', () => {
    it('that is there with the same data is no news; with other data it is refused, and stays', async () => {
      const { socket } = await oneProgram(openHost);
      const present = of(endpoints, ['80 . 0', '10.0.0.1 . 8080']);
      const other = of(endpoints, ['80 . 0', '10.0.0.2 . 8080']);
      const { generation } = await socket.commit(change().addTable().addSet(endpoints).addElements(endpoints, present));
      expect((await socket.commit(change().addElements(endpoints, present))).generation).toBe(generation);
      expect((await refusal(socket, change().addElements(endpoints, other))).culprits).toEqual([
        { operation: 'add elements to endpoints', code: 'EEXIST', set: 'endpoints', element: other[0] },
      ]);
      expect(await contents(socket, endpoints)).toEqual(['80 . 0 : 10.0.0.1 . 8080']);
    });

    it('gets other data when it is deleted first, in the same transaction', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(
        change()
          .addTable()
          .addSet(endpoints)
          .addElements(endpoints, of(endpoints, ['80 . 0', '10.0.0.1 . 8080'])),
      );
      const replaced = of(endpoints, ['80 . 0', '10.0.0.2 . 8080']);
      await socket.commit(change().deleteElements(endpoints, replaced).addElements(endpoints, replaced));
      expect(await contents(socket, endpoints)).toEqual(['80 . 0 : 10.0.0.2 . 8080']);
    });

    it('is deleted by its key alone, and once', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(
        change()
          .addTable()
          .addSet(endpoints)
          .addElements(endpoints, of(endpoints, ['80 . 0', '10.0.0.1 . 8080'])),
      );
      const otherData = of(endpoints, ['80 . 0', '10.9.9.9 . 9']);
      expect(await codeOf(socket, change().deleteElements(endpoints, [...otherData, ...otherData]))).toBe('ENOENT');
      await socket.commit(change().deleteElements(endpoints, otherData));
      expect((await refusal(socket, change().deleteElements(endpoints, otherData))).culprits).toEqual([
        {
          operation: 'delete elements of endpoints',
          code: 'ENOENT',
          set: 'endpoints',
          element: { set: 'endpoints', key: '80 . 0' },
        },
      ]);
    });

    it('leads only to chains that are there and are no base chains', async () => {
      const { socket } = await oneProgram(openHost);
      const base = { type: 'filter', hook: 'input', priority: 0 } as const;
      await socket.commit(
        change().addTable().addSet(verdicts).addChain({ name: 'c' }).addChain({ name: 'base', base }),
      );
      const missing = of(verdicts, ['1', 'goto nowhere']);
      expect((await refusal(socket, change().addElements(verdicts, missing))).culprits).toEqual([
        { operation: 'add elements to verdicts', code: 'ENOENT', set: 'verdicts', element: missing[0] },
      ]);
      expect(await codeOf(socket, change().addElements(verdicts, of(verdicts, ['2', 'jump base'])))).toBe('EOPNOTSUPP');
      await socket.commit(change().addElements(verdicts, of(verdicts, ['1', 'goto c'], ['2', 'return'])));
      expect(await codeOf(socket, change().deleteChain('c'))).toBe('EBUSY');
      await socket.commit(change().flushSet('verdicts').deleteChain('c'));
    });

    it('leads nowhere any more once its map is deleted', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(
        change()
          .addTable()
          .addSet(verdicts)
          .addChain({ name: 'c' })
          .addElements(verdicts, of(verdicts, ['1', 'goto c'])),
      );
      await socket.commit(change().deleteSet('verdicts').deleteChain('c'));
      expect(await socket.chains('t')).toEqual([]);
    });

    it('fits the set as the kernel has it, whatever the sender thinks it is', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable().addSet(frontends).addSet(endpoints));
      const wrongKey: SetDefinition = { name: 'frontends', key: ['inet_service'] };
      const wrongKind: SetDefinition = { ...frontends, data: ['ipv4_addr'] };
      const noData: SetDefinition = { name: 'endpoints', key: endpoints.key };
      for (const [set, key, data] of [
        [wrongKey, '80', undefined],
        [wrongKind, '10.0.0.1 . tcp . 80', '10.0.0.1'],
        [noData, '80 . 0', undefined],
      ] as const) {
        expect(await codeOf(socket, change().addElements(set, [{ set: set.name, key, ...(data && { data }) }]))).toBe(
          'EINVAL',
        );
      }
    });

    it('lives as long as it is told, where the set has times to live, and otherwise when told again', async () => {
      const { socket } = await oneProgram(openHost);
      const clients: SetDefinition = { ...endpoints, name: 'clients', timeout: true, dynamic: true };
      const client = (timeoutSeconds: number): Element => ({
        set: 'clients',
        key: '80 . 0',
        data: '10.0.0.1 . 80',
        timeoutSeconds,
      });
      await socket.commit(
        change()
          .addTable()
          .addSet(endpoints)
          .addSet(clients)
          .addElements(clients, [client(3600)]),
      );
      const [first] = await socket.elements('t', clients);
      expect(first).toMatchObject(client(3600));
      expect(first?.expiresSeconds).toBeLessThanOrEqual(3600);
      // The same time again is no news.
      const { id } = await socket.generation();
      expect((await socket.commit(change().addElements(clients, [client(3600)]))).generation).toBe(id);
      expect((await socket.commit(change().addElements(clients, [client(7200)]))).generation).toBe(id + 1);
      expect(await socket.elements('t', clients)).toMatchObject([client(7200)]);
      const forEver = of(clients, ['80 . 0', '10.0.0.1 . 80']);
      await socket.commit(change().addElements(clients, forEver));
      expect(await socket.elements('t', clients)).toEqual(forEver);
      expect(await codeOf(socket, change().addElements(endpoints, [client(60)]))).toBe('EINVAL');
    });

    it('is found by its key, one after the other, or found missing', async () => {
      const { socket } = await oneProgram(openHost);
      const present = of(endpoints, ['80 . 0', '10.0.0.1 . 1'], ['80 . 1', '10.0.0.2 . 2']);
      await socket.commit(change().addTable().addSet(endpoints).addElements(endpoints, present));
      const asked = ['81 . 0', '80 . 1', '80 . 7', '80 . 0', '82 . 0'].map((key) => ({ key }));
      const expected = [undefined, present[1], undefined, present[0], undefined];
      expect(await socket.elementsByKey('t', endpoints, asked)).toEqual(expected);
      const missing = { ...endpoints, name: 'nonesuch' };
      await expect(socket.elementsByKey('t', missing, asked)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('is one of many that are listed whole', async () => {
      const { socket } = await oneProgram(openHost);
      const sized = { ...endpoints, size: 4000 };
      const many = of(sized, ...Array.from({ length: 3000 }, (_, slot) => [`80 . ${slot}`, '10.0.0.1 . 80'] as const));
      await socket.commit(change().addTable().addSet(sized).addElements(sized, many));
      expect(new Set(await contents(socket, sized)).size).toBe(3000);
    });
  });
}
