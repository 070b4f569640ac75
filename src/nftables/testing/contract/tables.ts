import { describe, expect, it } from 'vitest';
import { probeFeatures, Transaction } from '../../index.ts';
import { change, codeOf, oneProgram, refusal } from './contract-host.ts';
import type { OpenHost } from './contract-host.ts';

const owned = { owner: true, persist: true } as const;
const hook = { type: 'filter', hook: 'input', priority: 0 } as const;

/** Tables, who owns them, and what becomes of them. */
export function tables(openHost: OpenHost): void {
  describe('a table', () => {
    it('is made once: what is there with the same flags stays as it is, and makes no generation', async () => {
      const { socket } = await oneProgram(openHost);
      const first = await socket.commit(change().addTable({ comment: 'first' }));
      const again = await socket.commit(change().addTable({ comment: 'second' }));
      expect(again.generation).toBe(first.generation);
      expect(await socket.tables()).toEqual([
        { name: 't', family: 'inet', flags: { dormant: false, owner: false, persist: false }, comment: 'first' },
      ]);
    });

    it('that nobody owns cannot be taken over by adding flags', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable());
      for (const options of [{ owner: true }, owned]) {
        expect(await refusal(socket, change().addTable(options))).toMatchObject({
          code: 'EOPNOTSUPP',
          culprits: [{ operation: 'add table t', code: 'EOPNOTSUPP' }],
        });
      }
    });

    it('that is owned does not lose its flags either', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable(owned));
      for (const options of [{}, { owner: true }]) {
        expect(await codeOf(socket, change().addTable(options))).toBe('EOPNOTSUPP');
      }
    });

    it('goes with all that is in it, and may come back in the same transaction', async () => {
      const { socket } = await oneProgram(openHost);
      const set = { name: 's', key: ['inet_service'] } as const;
      await socket.commit(change().addTable(owned).addSet(set).addChain({ name: 'c', base: hook }));
      await socket.commit(change().deleteTable().addTable(owned).addChain({ name: 'd', base: hook }));
      expect(await socket.sets('t')).toEqual([]);
      expect((await socket.chains('t')).map(({ name }) => name)).toEqual(['d']);
    });

    it('that is not there cannot be deleted, but destroyed', async () => {
      const { socket } = await oneProgram(openHost);
      const { id } = await socket.generation();
      expect(await codeOf(socket, change().deleteTable())).toBe('ENOENT');
      await socket.commit(change().destroyTable());
      expect((await socket.generation()).id).toBe(id);
      await socket.commit(change().addTable());
      await socket.commit(change().destroyTable());
      expect(await socket.tables()).toEqual([]);
    });

    it('that is not there has nothing to list and takes nothing', async () => {
      const { socket } = await oneProgram(openHost);
      const set = { name: 's', key: ['inet_service'] } as const;
      expect(await socket.chains('t')).toEqual([]);
      expect(await socket.rules('t')).toEqual([]);
      await expect(socket.sets('t')).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(socket.elements('t', set)).rejects.toMatchObject({ code: 'ENOENT' });
      for (const transaction of [
        change().addChain({ name: 'c' }),
        change().addSet(set),
        change().addElements(set, [{ set: 's', key: '1' }]),
        change().flushSet('s'),
        change().flushChain('c'),
      ]) {
        expect(await codeOf(socket, transaction)).toBe('ENOENT');
      }
    });
  });

  describe('an owned table', () => {
    it('is read but not changed by others, who learn whose it is', async () => {
      const { host, socket } = await oneProgram(openHost);
      await socket.commit(change().addTable(owned).addChain({ name: 'c' }));
      const other = host.open();
      expect(await other.tables()).toMatchObject([{ name: 't', flags: owned, ownerPortId: socket.portId }]);
      expect(await other.chains('t')).toHaveLength(1);
      const transactions = [change().addTable(owned), change().deleteTable(), change().addChain({ name: 'd' })];
      for (const transaction of transactions) {
        const error = await refusal(other, transaction);
        expect(error).toMatchObject({ code: 'EPERM', culprits: [{ code: 'EPERM' }] });
        expect(error.message).toContain(`owned by the process with netlink port ${socket.portId}`);
      }
      await other.commit(new Transaction('theirs').addTable());
      expect((await socket.tables()).map(({ name }) => name)).toEqual(['t', 'theirs']);
    });

    it('goes with its owner, without a generation, if it does not persist', async () => {
      const { host, socket } = await oneProgram(openHost);
      const { generation } = await socket.commit(change().addTable({ owner: true }));
      const other = host.open();
      socket.close();
      expect(await other.tables()).toEqual([]);
      expect((await other.generation()).id).toBe(generation);
    });

    it('that persists is an orphan without its owner, and belongs to whoever adds it with the same flags', async () => {
      const { host, socket } = await oneProgram(openHost);
      await socket.commit(
        change()
          .addTable({ ...owned, comment: 'ours' })
          .addChain({ name: 'c', base: hook }),
      );
      socket.close();
      const next = host.open();
      const [orphan] = await next.tables();
      expect(orphan).toEqual({
        name: 't',
        family: 'inet',
        flags: { dormant: false, owner: false, persist: true },
        comment: 'ours',
      });
      for (const options of [{}, { owner: true }]) {
        expect(await codeOf(next, change().addTable(options))).toBe('EOPNOTSUPP');
      }
      // Nobody owns it, so anybody may change it.
      await host.open().commit(change().addChain({ name: 'd' }));
      await next.commit(change().addTable(owned));
      expect(await next.tables()).toMatchObject([{ flags: owned, ownerPortId: next.portId }]);
      expect((await next.chains('t')).map(({ name }) => name)).toEqual(['c', 'd']);
      expect(await codeOf(host.open(), change().deleteChain('d'))).toBe('EPERM');
    });

    it('takes chains in the transaction that adopts it, but no base chain', async () => {
      const { host, socket } = await oneProgram(openHost);
      await socket.commit(change().addTable(owned));
      socket.close();
      const next = host.open();
      const adoption = change().addTable(owned).addChain({ name: 'c' }).addChain({ name: 'input', base: hook });
      expect(await refusal(next, adoption)).toMatchObject({
        code: 'EINVAL',
        culprits: [{ operation: 'add chain input', code: 'EINVAL' }],
      });
      expect((await next.tables())[0]).not.toHaveProperty('ownerPortId');
      await next.commit(change().addTable(owned).addChain({ name: 'c' }));
      await next.commit(change().addTable(owned).addChain({ name: 'input', base: hook }));
      expect(await next.chains('t')).toHaveLength(2);
    });

    it('is not adopted in the transaction that has already touched its chains', async () => {
      const { host, socket } = await oneProgram(openHost);
      await socket.commit(change().addTable(owned).addChain({ name: 'c' }).addChain({ name: 'input', base: hook }));
      socket.close();
      const next = host.open();
      for (const touch of [change().addChain({ name: 'c' }), change().deleteChain('input')]) {
        expect(await codeOf(next, touch.addTable(owned))).toBe('EINVAL');
      }
      await next.commit(change().addChain({ name: 'new' }).addTable(owned));
    });

    it('is passed by when another program flushes the ruleset; others and orphans go', async () => {
      const { host, socket } = await oneProgram(openHost);
      const program = host.open();
      await program.commit(new Transaction('orphan').addTable(owned));
      program.close();
      await socket.commit(new Transaction('plain').addTable());
      const { generation } = await socket.commit(change().addTable(owned).addChain({ name: 'c' }));
      await host.flushRuleset();
      expect((await socket.tables()).map(({ name }) => name)).toEqual(['t']);
      expect(await socket.chains('t')).toHaveLength(1);
      expect((await socket.generation()).id).toBeGreaterThan(generation);
    });
  });

  describe('the features', () => {
    it('are found by trying, and leave no trace', async () => {
      const { socket } = await oneProgram(openHost);
      expect(await probeFeatures(socket)).toEqual({ owner: true, persist: true, destroy: true });
      expect(await socket.tables()).toEqual([]);
    });
  });
}
