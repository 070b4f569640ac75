import { describe, expect, it } from 'vitest';
import { lookup, thDport, Transaction } from '../../index.ts';
import type { ForeignChanges, SetDefinition } from '../../index.ts';
import { change, oneProgram } from './contract-host.ts';
import type { OpenHost } from './contract-host.ts';

const ports: SetDefinition = { name: 'ports', key: ['inet_service'] };
const port = (key: string): { set: string; key: string } => ({ set: 'ports', key });

/** What was heard: `ports 1`, `something else`, `lost`; the same thing only once. */
function heard(changes: ForeignChanges): string[] {
  const told = new Set<string>();
  for (const each of changes.read()) {
    if (each === 'lost') told.add(each);
    else if (each.elements === undefined) told.add('something else');
    else for (const { key } of each.elements.of(ports)) told.add(`${each.elements.set} ${key}`);
  }
  return [...told];
}

/** Who hears of what others do. */
export function listening(openHost: OpenHost): void {
  describe('a program that listens to what others do to a table', () => {
    it('hears which elements come and go, and of everything else that is changed', async () => {
      const { host, socket } = await oneProgram(openHost);
      const other = host.open();
      const changes = socket.foreignChanges('t');
      await other.commit(change().addTable().addSet(ports).addChain({ name: 'c' }));
      expect(heard(changes)).toEqual(['something else']);
      await other.commit(change().addElements(ports, [port('1'), port('2')]));
      expect(heard(changes)).toEqual(['ports 1', 'ports 2']);
      await other.commit(change().deleteElements(ports, [port('1')]));
      expect(heard(changes)).toEqual(['ports 1']);
      await other.commit(change().addElements(ports, [port('3')]));
      expect(heard(changes)).toEqual(['ports 3']);
      await other.commit(change().flushSet('ports'));
      expect(heard(changes).sort()).toEqual(['ports 2', 'ports 3']);
      for (const step of [
        change().addRule({ chain: 'c', statements: [lookup(thDport(), 'ports')] }),
        change().flushChain('c'),
        change().deleteChain('c'),
        change().deleteSet('ports'),
        change().deleteTable(),
      ]) {
        await other.commit(step);
        expect(heard(changes)).toContain('something else');
      }
      expect(heard(changes)).toEqual([]);
      changes.close();
    });

    it('hears of a ruleset that is flushed', async () => {
      const { host, socket } = await oneProgram(openHost);
      await socket.commit(change().addTable().addSet(ports));
      const changes = socket.foreignChanges('t');
      await host.flushRuleset();
      expect(heard(changes)).toContain('something else');
      changes.close();
    });

    it('hears neither of what it does itself, nor of other tables, nor of what is refused', async () => {
      const { host, socket } = await oneProgram(openHost);
      const other = host.open();
      const changes = socket.foreignChanges('t');
      await socket.commit(change().addTable().addSet(ports));
      await socket.commit(change().addElements(ports, [port('1')]));
      await other.commit(new Transaction('theirs').addTable().addSet(ports));
      await other.commit(change().deleteElements(ports, [port('2')])).catch(() => undefined);
      expect(heard(changes)).toEqual([]);
      changes.close();
    });
  });
}
