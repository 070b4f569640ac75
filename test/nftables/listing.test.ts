import { describe, expect, it } from 'vitest';
import { Transaction, fingerprint, ruleText } from '../../src/nftables/index.ts';
import type { Element } from '../../src/nftables/index.ts';
import { listRuleset } from '../support/index.ts';
import { handwritten, handwrittenElements, normalized } from './handwritten.ts';
import { host } from './host.ts';
import { learnRule, rulesetOf, transactionOf } from './ruleset.ts';

function elementsOf(family: 4 | 6): Element[] {
  return Object.entries(handwrittenElements(family)).flatMap(([set, texts]) =>
    texts.map((text) => {
      const [key = '', data] = text.split(' : ');
      return { set, key, ...(data === undefined ? {} : { data }) };
    }),
  );
}

function withElements(transaction: Transaction, family: 4 | 6): Transaction {
  for (const element of elementsOf(family)) {
    const set = rulesetOf(family).sets.find(({ name }) => name === element.set);
    if (set === undefined) throw new Error(`no set ${element.set}`);
    transaction.addElements(set, [element]);
  }
  return transaction;
}

function addElementsText(family: 4 | 6): string {
  return Object.entries(handwrittenElements(family))
    .map(([set, elements]) => `add element inet nftproxy ${set} { ${elements.join(', ')} }\n`)
    .join('');
}

describe.each([4, 6] as const)('the ruleset of IPv%d, written over netlink', (family) => {
  it('is what nft lists when it loads the same ruleset from a file', { timeout: 60_000 }, async () => {
    const [ours, theirs] = [await host('ours'), await host('theirs')];
    await ours.socket.commit(withElements(transactionOf(rulesetOf(family)), family));
    await theirs.namespace.nft(handwritten(family) + addElementsText(family));
    expect(normalized(await listRuleset(ours.namespace))).toBe(normalized(await listRuleset(theirs.namespace)));
  });

  it('is read back by nft from its own listing', { timeout: 60_000 }, async () => {
    const [ours, empty] = [await host('ours'), await host('empty')];
    await ours.socket.commit(withElements(transactionOf(rulesetOf(family)), family));
    const listing = await listRuleset(ours.namespace);
    await empty.namespace.nft(listing);
    expect(normalized(await listRuleset(empty.namespace))).toBe(normalized(listing));
  });

  it('is listed as text and as JSON, the rule that learns affinity included', { timeout: 60_000 }, async () => {
    const { namespace, socket } = await host('learn');
    const learn = learnRule(family);
    const transaction = withElements(transactionOf(rulesetOf(family)), family);
    await socket.commit(transaction.addChain({ name: learn.chain }).addRule(learn));
    const listing = await listRuleset(namespace);
    expect(listing).toContain(ruleText(learn));
    const json = JSON.parse(await namespace.run('nft', ['-j', 'list', 'ruleset'])) as { nftables: unknown[] };
    const { sets, rules } = rulesetOf(family);
    // The version, the table, three chains, all sets, all rules and the one that learns.
    expect(json.nftables).toHaveLength(1 + 1 + 3 + sets.length + rules.length + 1);
  });

  it('prints as the text that each rule says it has', { timeout: 60_000 }, async () => {
    const { namespace, socket } = await host('texts');
    const ruleset = rulesetOf(family);
    await socket.commit(transactionOf(ruleset));
    const listing = await namespace.run('nft', ['-s', 'list', 'chain', 'inet', 'nftproxy', `rules${family}`]);
    const lines = listing.split('\n').map((line) => line.trim());
    expect(lines.slice(2, 2 + ruleset.rules.length)).toEqual(ruleset.rules.map(ruleText));
  });

  it('can be told from another one by what the kernel kept: definitions, fingerprints, comments, elements', async () => {
    const { socket } = await host('adopt');
    const ruleset = rulesetOf(family);
    await socket.commit(withElements(transactionOf(ruleset), family));
    expect((await socket.sets('nftproxy')).map(({ definition }) => definition)).toEqual(ruleset.sets);
    const rules = await socket.rules('nftproxy', `rules${family}`);
    expect(rules.map((rule) => rule.fingerprint)).toEqual(ruleset.rules.map(fingerprint));
    expect(rules.map((rule) => rule.comment)).toEqual(ruleset.rules.map((rule) => rule.comment));
    const expected = elementsOf(family);
    for (const set of ruleset.sets) {
      const elements = await socket.elements('nftproxy', set);
      const plain = elements.map(({ set: name, key, data }) => ({
        set: name,
        key,
        ...(data === undefined ? {} : { data }),
      }));
      const byKey = (a: Element, b: Element): number => a.key.localeCompare(b.key);
      expect(plain.sort(byKey)).toEqual(expected.filter((element) => element.set === set.name).sort(byKey));
    }
  });
});

describe('tables, chains and rules', () => {
  it('tell what they are', async () => {
    const { namespace, socket } = await host('objects');
    await namespace.nft('table ip foreign { comment "not ours"; chain c { counter; }; }');
    const base = { type: 'nat', hook: 'prerouting', priority: -100 } as const;
    await socket.commit(
      new Transaction('nftproxy')
        .addTable({ comment: 'ours' })
        .addChain({ name: 'prerouting', base })
        .addChain({ name: 'late', base: { type: 'filter', hook: 'postrouting', priority: 225 } })
        .addChain({ name: 'plain', comment: 'called by none' }),
    );
    const flags = { dormant: false, owner: false, persist: false };
    expect(await socket.tables()).toEqual([
      { name: 'foreign', family: 'ip', flags, comment: 'not ours' },
      { name: 'nftproxy', family: 'inet', flags, comment: 'ours' },
    ]);
    const chains = await socket.chains('nftproxy');
    expect(chains).toMatchObject([
      { name: 'prerouting', base },
      { name: 'late', base: { type: 'filter', hook: 'postrouting', priority: 225 } },
      { name: 'plain', comment: 'called by none' },
    ]);
    expect(await socket.chains('nonesuch')).toEqual([]);
  });

  it('written by nft have no fingerprint', async () => {
    const { namespace, socket } = await host('foreign');
    await namespace.nft('table inet t { chain c { counter drop comment "by hand"; }; }');
    const [rule] = await socket.rules('t');
    expect(rule).toMatchObject({ chain: 'c', comment: 'by hand' });
    expect(rule).not.toHaveProperty('fingerprint');
  });

  it('are deleted one by one', async () => {
    const { namespace, socket } = await host('delete');
    const ruleset = rulesetOf(4);
    await socket.commit(transactionOf(ruleset));
    const [first] = await socket.rules('nftproxy', 'rules4');
    if (first === undefined) throw new Error('no rule');
    await socket.commit(new Transaction('nftproxy').deleteRule('rules4', first.handle));
    expect((await socket.rules('nftproxy', 'rules4')).length).toBe(ruleset.rules.length - 1);
    const rest = new Transaction('nftproxy').flushChain('rules4').deleteChain('rules4').deleteChain('target');
    for (const set of ruleset.sets) rest.flushSet(set.name).deleteSet(set.name);
    await socket.commit(rest);
    expect((await listRuleset(namespace)).replace(/\s+/g, ' ').trim()).toBe('table inet nftproxy { }');
    await socket.commit(new Transaction('nftproxy').deleteTable());
    expect(await socket.tables()).toEqual([]);
  });
});
