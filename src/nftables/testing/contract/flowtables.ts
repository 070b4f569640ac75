import { describe, expect, it } from 'vitest';
import type { TestContext } from 'vitest';
import { flowAdd, probeFlowtables } from '../../index.ts';
import type { NftablesSocket } from '../../index.ts';
import { change, codeOf, oneProgram } from './contract-host.ts';
import type { OpenHost } from './contract-host.ts';

const hook = { type: 'filter', hook: 'forward', priority: 0 } as const;
const none = { name: 'f', devices: [] };
const onLo = { name: 'f', devices: ['lo'] };
const lead = { chain: 'c', statements: [flowAdd('f')] };

/** Flowtables, on hosts whose only interface is `lo`. */
export function flowtables(openHost: OpenHost): void {
  const socketFor = async (context: TestContext): Promise<NftablesSocket> => {
    const { socket } = await oneProgram(openHost);
    context.skip(!(await probeFlowtables(socket)), 'this kernel has no flowtables');
    await socket.commit(change().addTable());
    return socket;
  };

  describe('a flowtable', () => {
    it('is made without devices, gets some in place, and has each once', async (context) => {
      const socket = await socketFor(context);
      await socket.commit(change().addFlowtable(none));
      expect(await socket.flowtables('t')).toEqual([none]);
      await socket.commit(change().addFlowtable(onLo));
      await socket.commit(change().addFlowtable(onLo));
      await socket.commit(change().addFlowtable(none));
      expect(await socket.flowtables('t')).toEqual([onLo]);
      expect(await socket.flowtables('other')).toEqual([]);
    });

    it('loses devices in place, and none that it has not', async (context) => {
      const socket = await socketFor(context);
      await socket.commit(change().addFlowtable(onLo));
      await socket.commit(change().deleteFlowtableDevices(onLo));
      expect(await socket.flowtables('t')).toEqual([none]);
      expect(await codeOf(socket, change().deleteFlowtableDevices(onLo))).toBe('ENOENT');
    });

    it('gets nothing of a transaction that names a device which is not there', async (context) => {
      const socket = await socketFor(context);
      await socket.commit(change().addFlowtable(none));
      expect(await codeOf(socket, change().addFlowtable({ name: 'f', devices: ['lo', 'gone'] }))).toBe('ENOENT');
      expect(await socket.flowtables('t')).toEqual([none]);
    });

    it('has to be there before a rule leads into it, and stays as long as one does', async (context) => {
      const socket = await socketFor(context);
      await socket.commit(change().addChain({ name: 'c', base: hook }));
      expect(await codeOf(socket, change().addRule(lead))).toBe('ENOENT');
      await socket.commit(change().addFlowtable(onLo).addRule(lead));
      expect(await codeOf(socket, change().deleteFlowtable('f'))).toBe('EBUSY');
      await socket.commit(change().flushChain('c'));
      await socket.commit(change().deleteFlowtable('f'));
      expect(await socket.flowtables('t')).toEqual([]);
      expect(await codeOf(socket, change().deleteFlowtable('f'))).toBe('ENOENT');
    });

    it('goes with its table, whatever leads into it', async (context) => {
      const socket = await socketFor(context);
      await socket.commit(change().addFlowtable(onLo).addChain({ name: 'c', base: hook }).addRule(lead));
      await socket.commit(change().deleteTable().addTable());
      expect(await socket.flowtables('t')).toEqual([]);
    });
  });
}
