import { describe, expect, it } from 'vitest';
import { drop, goto, lookup, thDport, Transaction } from '../../index.ts';
import type { SetDefinition } from '../../index.ts';
import { change, contents, oneProgram, refusal } from './contract-host.ts';
import type { OpenHost } from './contract-host.ts';

const ports: SetDefinition = { name: 'ports', key: ['inet_service'] };
const port = (key: string): { set: string; key: string } => ({ set: 'ports', key });

/** Transactions: all or nothing, who is to blame, and generations. */
export function batches(openHost: OpenHost): void {
  describe('a transaction', () => {
    it('that is refused in one place changes nothing in any, and names every place', async () => {
      const { socket } = await oneProgram(openHost);
      const { generation } = await socket.commit(change().addTable().addSet(ports).addChain({ name: 'c' }));
      const error = await refusal(
        socket,
        change()
          .addElements(ports, [port('1')])
          .deleteElements(ports, [port('1'), port('2'), port('3')])
          .addRule({ chain: 'c', statements: [goto('nowhere')] })
          .addChain({ name: 'd' })
          .addRule({ chain: 'd', statements: [lookup(thDport(), 'nothing'), drop()] })
          .deleteSet('nonesuch'),
      );
      expect(error).toMatchObject({ code: 'ENOENT', stateUnknown: false });
      expect(error.culprits).toEqual([
        // Of one message, the first element only.
        { operation: 'delete elements of ports', code: 'ENOENT', set: 'ports', element: port('2') },
        { operation: 'add rule to chain c: goto nowhere', code: 'ENOENT', chain: 'c' },
        { operation: 'add rule to chain d: th dport @nothing drop', code: 'ENOENT', chain: 'd' },
        { operation: 'delete set nonesuch', code: 'ENOENT', set: 'nonesuch' },
      ]);
      expect(await contents(socket, ports)).toEqual([]);
      expect((await socket.chains('t')).map(({ name }) => name)).toEqual(['c']);
      expect((await socket.generation()).id).toBe(generation);
    });

    it('sees what it has done itself', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(
        change()
          .addTable()
          .addSet(ports)
          .addElements(ports, [port('1'), port('2')])
          .deleteElements(ports, [port('1')])
          .addElements(ports, [port('1'), port('3')])
          .flushSet('ports')
          .addElements(ports, [port('4')]),
      );
      expect(await contents(socket, ports)).toEqual(['4']);
    });

    it('makes the next generation if it changes anything', async () => {
      const { socket } = await oneProgram(openHost);
      const { id } = await socket.generation();
      expect((await socket.commit(change().addTable().addSet(ports))).generation).toBe(id + 1);
      expect((await socket.commit(change().addElements(ports, [port('1')]))).generation).toBe(id + 2);
      expect((await socket.commit(change().addElements(ports, [port('1')]))).generation).toBe(id + 2);
      expect((await socket.commit(change().flushSet('ports'))).generation).toBe(id + 3);
      expect((await socket.commit(change().flushSet('ports'))).generation).toBe(id + 3);
    });

    it('is refused as a whole if it expects another generation than there is', async () => {
      const { host, socket } = await oneProgram(openHost);
      const { generation } = await socket.commit(change().addTable().addSet(ports));
      const add = change().addElements(ports, [port('1')]);
      const mine = await socket.commit(add, { expectedGeneration: generation });
      await host.open().commit(new Transaction('theirs').addTable());
      expect(await refusal(socket, change().flushSet('ports'), mine.generation)).toMatchObject({
        code: 'ERESTART',
        culprits: [],
        stateUnknown: false,
      });
      expect(await contents(socket, ports)).toEqual(['1']);
    });

    it('may be sent again once the reason of its refusal is gone', async () => {
      const { socket } = await oneProgram(openHost);
      const transaction = change()
        .addSet(ports)
        .addElements(ports, [port('1')]);
      expect((await refusal(socket, transaction)).code).toBe('ENOENT');
      await socket.commit(change().addTable());
      expect(await socket.commit(transaction)).toMatchObject({ elements: 1 });
    });

    it('cannot be sent through a closed socket', async () => {
      const { socket } = await oneProgram(openHost);
      socket.close();
      socket.close();
      expect(await refusal(socket, change().addTable())).toMatchObject({ code: 'EBADF' });
      await expect(socket.tables()).rejects.toMatchObject({ code: 'EBADF' });
    });
  });
}
