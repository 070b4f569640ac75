import { describe, expect, it } from 'vitest';
import type { NftablesSocket, SetDefinition } from '../../index.ts';
import { change, oneProgram } from './contract-host.ts';
import type { OpenHost } from './contract-host.ts';

const clients: SetDefinition = { name: 'clients', key: ['inet_service', 'slot'] };
const others: SetDefinition = { name: 'others', key: ['inet_service'] };
const stable = Array.from({ length: 6000 }, (_, index) => `${index + 1} . 0`);
/** Between those that stay, at first. */
const passing = stable.flatMap((key, index) => (index % 15 === 0 ? key.replace('. 0', '. 7') : []));
const all = stable.flatMap((key, index) => (index % 15 === 0 ? [key.replace('. 0', '. 7'), key] : key));

const of = ({ name: set }: SetDefinition, keys: readonly string[]): { set: string; key: string }[] =>
  keys.map((key) => ({ set, key }));

/** What two programs find: one that reads, and one that commits between the pages of what the first one reads. */
async function readBeside(openHost: OpenHost, write: (socket: NftablesSocket) => Promise<void>): Promise<string[]> {
  const { host, socket } = await oneProgram(openHost);
  const program = host.open();
  await socket.commit(change().addTable().addSet(clients).addSet(others).addElements(clients, of(clients, all)));
  const reading = socket.elements('t', clients);
  await write(program);
  return (await reading).map(({ key }) => key);
}

/** All elements of a set, while another program writes without a pause. */
export function reading(openHost: OpenHost): void {
  describe('a set of some thousand elements that is read while another program commits', () => {
    it('lacks none of those that stay, though others leave one after the other', async () => {
      for (let reading = 1; reading <= 5; reading++) {
        const keys = await readBeside(openHost, async (program) => {
          for (let at = 0; at < passing.length; at += 8) {
            await program.commit(change().deleteElements(clients, of(clients, passing.slice(at, at + 8))));
          }
        });
        const found = new Set(keys);
        expect(found.size).toBe(keys.length);
        expect(stable.filter((key) => !found.has(key))).toEqual([]);
      }
    });

    it('is what it is, if that program changes only other sets', async () => {
      const keys = await readBeside(openHost, async (program) => {
        for (let commits = 0; commits < 100; commits++) {
          await program.commit(change().addElements(others, of(others, ['1'])));
          await program.commit(change().deleteElements(others, of(others, ['1'])));
        }
      });
      expect(keys.sort()).toEqual([...all].sort());
    });
  });
}
