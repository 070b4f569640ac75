import { describe, expect, it } from 'vitest';
import type { Element, SetDefinition } from '../../index.ts';
import { change, codeOf, contents, oneProgram, refusal } from './contract-host.ts';
import type { OpenHost } from './contract-host.ts';

const cidrs: SetDefinition = { name: 'cidrs', key: ['ipv4_addr'], interval: true };
const sources: SetDefinition = { name: 'sources', key: ['inet_service', 'ipv4_addr'], interval: true };

function of(set: SetDefinition, ...keys: readonly string[]): Element[] {
  return keys.map((key) => ({ set: set.name, key }));
}

/** Sets whose keys are ranges. */
export function ranges(openHost: OpenHost): void {
  describe('a set of ranges', () => {
    it('lists them as they were added: those that touch do not grow together', async () => {
      const { socket } = await oneProgram(openHost);
      const keys = ['10.0.0.0/9', '10.128.0.0/9', '192.168.0.0-192.168.0.9', '255.255.255.255'];
      await socket.commit(
        change()
          .addTable()
          .addSet(cidrs)
          .addElements(cidrs, of(cidrs, ...keys)),
      );
      expect(await contents(socket, cidrs)).toEqual(keys);
      await socket.commit(change().deleteElements(cidrs, of(cidrs, '10.0.0.0/9', '255.255.255.255')));
      expect(await contents(socket, cidrs)).toEqual(keys.slice(1, 3));
    });

    it('refuses one that overlaps another, and takes the very same one again', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable().addSet(cidrs).addElements(cidrs, of(cidrs, '10.0.0.0/16')));
      for (const key of ['10.0.0.0/8', '10.0.5.0/24', '10.0.0.7', '10.0.255.0-10.1.0.0', '9.0.0.0-11.0.0.0']) {
        const { code, culprits } = await refusal(socket, change().addElements(cidrs, of(cidrs, key)));
        expect({ key, code }).toEqual({ key, code: 'EEXIST' });
        // The kernel means the start or the end of a range, not the range.
        expect(culprits).toMatchObject([{ set: 'cidrs', code: 'EEXIST' }]);
      }
      await socket.commit(change().addElements(cidrs, of(cidrs, '10.0.0.0/16', '10.1.0.0/16')));
      expect(await contents(socket, cidrs)).toEqual(['10.0.0.0/16', '10.1.0.0/16']);
    });

    it('overlooks one that lies within a new one up to the last address, and spoils both', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable().addSet(cidrs).addElements(cidrs, of(cidrs, '10.0.0.0/16')));
      await socket.commit(change().addElements(cidrs, of(cidrs, '0.0.0.0/0')));
      // Such a range has no end of its own. Whoever merges ranges before adding them is safe.
      expect(await contents(socket, cidrs)).toEqual(['0.0.0.0-9.255.255.255', '10.0.0.0/16']);
    });

    it('deletes only ranges that were added as such', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable().addSet(cidrs).addElements(cidrs, of(cidrs, '10.0.0.0/16')));
      for (const key of ['10.0.0.0/17', '10.0.128.0/17', '10.1.0.0/16']) {
        expect(await codeOf(socket, change().deleteElements(cidrs, of(cidrs, key)))).toBe('ENOENT');
      }
      await socket.commit(
        change().deleteElements(cidrs, of(cidrs, '10.0.0.0/16')).addElements(cidrs, of(cidrs, '10.0.0.0/8')),
      );
      expect(await contents(socket, cidrs)).toEqual(['10.0.0.0/8']);
    });
  });

  describe('a set of concatenations with ranges', () => {
    it('refuses one whose first or last key is in another, and takes the very same one again', async () => {
      const { socket } = await oneProgram(openHost);
      const present = of(sources, '80 . 10.0.0.0/16', '443 . 10.0.0.0/16');
      await socket.commit(change().addTable().addSet(sources).addElements(sources, present));
      await socket.commit(change().addElements(sources, present));
      for (const key of ['80 . 10.0.0.0/8', '80 . 10.0.5.0/24', '443 . 10.0.0.7']) {
        const [element] = of(sources, key);
        expect((await refusal(socket, change().addElements(sources, of(sources, key)))).culprits).toEqual([
          { operation: 'add elements to sources', code: 'EEXIST', set: 'sources', element },
        ]);
      }
      await socket.commit(change().addElements(sources, of(sources, '80 . 10.1.0.0/16', '81 . 10.0.0.0/8')));
      expect(await contents(socket, sources)).toHaveLength(4);
    });

    it('overlooks one that lies within a new one and touches neither end of it', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable().addSet(sources).addElements(sources, of(sources, '80 . 10.1.0.0/16')));
      await socket.commit(change().addElements(sources, of(sources, '80 . 10.0.0.0/8')));
      expect(await contents(socket, sources)).toEqual(['80 . 10.0.0.0/8', '80 . 10.1.0.0/16']);
    });
  });
}
