import { describe, expect, it } from 'vitest';
import { drop, fingerprint, goto, ipDaddr, jump, lookup, thDport, updateSet, verdictMap } from '../../index.ts';
import type { Rule, SetDefinition } from '../../index.ts';
import { change, codeOf, oneProgram, refusal } from './contract-host.ts';
import type { OpenHost } from './contract-host.ts';

const verdicts: SetDefinition = { name: 'verdicts', key: ['inet_service'], data: 'verdict' };
const ports: SetDefinition = { name: 'ports', key: ['inet_service'] };
const hook = { type: 'nat', hook: 'prerouting', priority: -100 } as const;

/** Chains, rules, and what they may refer to. */
export function chainsAndRules(openHost: OpenHost): void {
  describe('a chain', () => {
    it('comes back as it was made', async () => {
      const { socket } = await oneProgram(openHost);
      const chains = [
        { name: 'plain', comment: 'of no hook' },
        { name: 'base', base: hook },
      ];
      const transaction = change().addTable();
      for (const chain of chains) transaction.addChain(chain);
      await socket.commit(transaction);
      expect(await socket.chains('t')).toMatchObject(chains.map((chain) => ({ ...chain, uses: 0 })));
    });

    it('may be made again with the same hook or without one, but not with another', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable().addChain({ name: 'base', base: hook }).addChain({ name: 'plain' }));
      await socket.commit(change().addChain({ name: 'base', base: hook }).addChain({ name: 'base' }));
      for (const base of [{ ...hook, priority: 0 }, { ...hook, hook: 'output' } as const]) {
        expect(await codeOf(socket, change().addChain({ name: 'base', base }))).toBe('EOPNOTSUPP');
      }
      const filter = { ...hook, type: 'filter' } as const;
      expect(await codeOf(socket, change().addChain({ name: 'base', base: filter }))).toBe('EEXIST');
      expect(await codeOf(socket, change().addChain({ name: 'plain', base: hook }))).toBe('EEXIST');
    });

    it('of type nat has not every hook', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable());
      for (const base of [{ ...hook, hook: 'forward' } as const, { ...hook, priority: -200 }]) {
        expect(await codeOf(socket, change().addChain({ name: 'base', base }))).toBe('EOPNOTSUPP');
      }
    });

    it('is not deleted while a rule of another or a verdict leads to it', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(
        change()
          .addTable()
          .addSet(verdicts)
          .addChain({ name: 'a' })
          .addChain({ name: 'b' })
          .addRule({ chain: 'a', statements: [goto('b')] })
          .addRule({ chain: 'b', statements: [drop()] })
          .addElements(verdicts, [{ set: 'verdicts', key: '80', data: 'jump b' }]),
      );
      expect(await socket.chains('t')).toMatchObject([{ uses: 1 }, { uses: 3 }]);
      expect((await refusal(socket, change().deleteChain('b'))).culprits).toEqual([
        { operation: 'delete chain b', code: 'EBUSY', chain: 'b' },
      ]);
      expect(await codeOf(socket, change().flushChain('a').deleteChain('b'))).toBe('EBUSY');
      await socket.commit(
        change()
          .flushChain('a')
          .deleteElements(verdicts, [{ key: '80' }])
          .deleteChain('b'),
      );
      expect((await socket.chains('t')).map(({ name }) => name)).toEqual(['a']);
    });

    it('goes with its own rules, even those that others wait for', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(
        change()
          .addTable()
          .addChain({ name: 'a' })
          .addChain({ name: 'b' })
          .addRule({ chain: 'a', statements: [goto('b')] }),
      );
      await socket.commit(change().deleteChain('a').deleteChain('b'));
      expect(await socket.chains('t')).toEqual([]);
    });

    it('that is not there can be neither deleted nor flushed, and takes no rule', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable());
      const rule: Rule = { chain: 'c', statements: [drop()] };
      for (const transaction of [change().deleteChain('c'), change().flushChain('c'), change().addRule(rule)]) {
        expect((await refusal(socket, transaction)).culprits).toMatchObject([{ code: 'ENOENT', chain: 'c' }]);
      }
    });
  });

  describe('a rule', () => {
    it('comes after those that are there, with its comment and its fingerprint', async () => {
      const { socket } = await oneProgram(openHost);
      const rules: Rule[] = [
        { chain: 'a', statements: [goto('b')], comment: 'to b' },
        { chain: 'a', statements: [drop()] },
        { chain: 'b', statements: [drop()] },
      ];
      const transaction = change().addTable().addChain({ name: 'b' }).addChain({ name: 'a' });
      for (const rule of rules) transaction.addRule(rule);
      await socket.commit(transaction);
      const expected = rules.map((rule) => ({
        chain: rule.chain,
        fingerprint: fingerprint(rule),
        ...(rule.comment === undefined ? {} : { comment: rule.comment }),
      }));
      expect(await socket.rules('t', 'a')).toMatchObject(expected.slice(0, 2));
      // Chain by chain, in the order of the chains.
      expect(await socket.rules('t')).toMatchObject([expected[2], expected[0], expected[1]]);
      const [first] = await socket.rules('t', 'a');
      await socket.commit(change().deleteRule('a', first?.handle ?? 0));
      expect(await socket.rules('t', 'a')).toMatchObject([expected[1]]);
      expect(await codeOf(socket, change().deleteRule('a', first?.handle ?? 0))).toBe('ENOENT');
    });

    it('names only chains and sets that are there, or come before it', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable().addChain({ name: 'a' }).addChain({ name: 'base', base: hook }));
      const rule = (...statements: Rule['statements']): Rule => ({ chain: 'a', statements });
      const refused: [Rule, string][] = [
        [rule(goto('nowhere')), 'ENOENT'],
        [rule(jump('base')), 'EOPNOTSUPP'],
        [rule(lookup(thDport(), 'ports'), drop()), 'ENOENT'],
        [rule(verdictMap(thDport(), 'verdicts')), 'ENOENT'],
        [rule(updateSet('ports', ipDaddr(4), 60)), 'ENOENT'],
      ];
      for (const [one, code] of refused) expect(await codeOf(socket, change().addRule(one))).toBe(code);
      await socket.commit(
        change()
          .addSet(ports)
          .addRule(rule(lookup(thDport(), 'ports'), drop())),
      );
    });

    it('does not take a set for a map, nor updates what has no time to live', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(change().addTable().addChain({ name: 'a' }).addSet(ports));
      const rule = (...statements: Rule['statements']): Rule => ({ chain: 'a', statements });
      expect(await codeOf(socket, change().addRule(rule(verdictMap(thDport(), 'ports'))))).toBe('EINVAL');
      expect(await codeOf(socket, change().addRule(rule(updateSet('ports', thDport(), 60))))).toBe('EOPNOTSUPP');
    });

    it('keeps the sets it looks into from being deleted, but not from being flushed', async () => {
      const { socket } = await oneProgram(openHost);
      await socket.commit(
        change()
          .addTable()
          .addSet(ports)
          .addChain({ name: 'a' })
          .addRule({ chain: 'a', statements: [lookup(thDport(), 'ports'), drop()] })
          .addElements(ports, [{ set: 'ports', key: '80' }]),
      );
      expect((await refusal(socket, change().deleteSet('ports'))).culprits).toEqual([
        { operation: 'delete set ports', code: 'EBUSY', set: 'ports' },
      ]);
      await socket.commit(change().flushSet('ports'));
      await socket.commit(change().flushChain('a').deleteSet('ports'));
      expect(await socket.sets('t')).toEqual([]);
    });
  });
}
