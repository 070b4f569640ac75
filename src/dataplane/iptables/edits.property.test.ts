import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ChainChanges, ChainKey, Rules } from './chains.ts';
import { editsOf } from './edits.ts';

/** iptables-restore --noflush, as its manual has it: the model. */
class Tables {
  readonly chains: Map<string, string[]>;

  constructor(chains: Iterable<readonly [string, Rules]>) {
    this.chains = new Map(Array.from(chains, ([key, rules]) => [key, [...rules]]));
  }

  restore(input: string): void {
    let table = '';
    for (const line of input.split('\n')) {
      const [, option = '', name = '', rest = ''] = /^(\*|:|-[AIDFX] |COMMIT)(\S*) ?(.*)$/.exec(line) ?? [];
      if (option === '*') table = name;
      else if (option !== '' && option !== 'COMMIT') this.#do(option.trim(), `${table} ${name}`, rest);
    }
  }

  #do(option: string, key: string, rest: string): void {
    if (option === ':') this.chains.set(key, []);
    const rules = this.chains.get(key);
    if (!rules) throw new Error(`no chain ${key}`);
    const [, number = '', text = ''] = /^(\d+) ?(.*)$/.exec(rest) ?? [];
    const place = Number(number) - 1;
    const actions: Readonly<Record<string, () => unknown>> = {
      '-A': () => rules.push(rest),
      '-F': () => rules.splice(0),
      '-X': () => this.#deleteChain(key),
      '-D': () => rules.splice(placeIn(rules, place, rules.length - 1), 1),
      '-I': () => rules.splice(placeIn(rules, place, rules.length), 0, text),
    };
    actions[option]?.();
  }

  #deleteChain(key: string): void {
    const [table, name = ''] = key.split(' ');
    const users = [...this.chains].filter(([other]) => other.startsWith(`${table} `)).flatMap(([, rules]) => rules);
    if (users.some((rule) => rule.endsWith(` ${name}`))) throw new Error(`${key} is in use`);
    this.chains.delete(key);
  }
}

function placeIn(rules: Rules, place: number, last: number): number {
  if (place < 0 || place > last) throw new Error(`no place ${place + 1} among ${rules.length} rules`);
  return place;
}

const keys: readonly ChainKey[] = ['nat A', 'nat B', 'nat C', 'filter A'];
const rules = fc.uniqueArray(
  fc
    .tuple(fc.nat(6), fc.constantFrom('-j RETURN', '-g A', '-g B', '-g C'))
    .map(([number, to]) => `-s 10.0.0.${number}/32 ${to}`),
  { maxLength: 8 },
);
/** Chains in which rules lead to chains that are there. */
const chains = fc
  .array(fc.option(rules, { nil: undefined }), { minLength: keys.length, maxLength: keys.length })
  .map((each) => {
    const there = new Map(keys.flatMap((key, index) => (each[index] ? [[key, each[index]] as const] : [])));
    const known = (key: ChainKey, rule: string): boolean =>
      rule.endsWith('RETURN') || there.has(`${key.startsWith('nat') ? 'nat' : 'filter'} ${rule.slice(-1)}`);
    return new Map([...there].map(([key, list]) => [key, list.filter((rule) => known(key, rule))] as const));
  });

it('edits make the chains that are there into those that are wanted, whatever both are', () => {
  fc.assert(
    fc.property(chains, chains, (before, after) => {
      const changes: ChainChanges = new Map(
        [...new Set([...before.keys(), ...after.keys()])].map((key) => [key, after.get(key)]),
      );
      const tables = new Tables(before);
      tables.restore(editsOf(before, changes).input);
      expect(Object.fromEntries(tables.chains)).toEqual(Object.fromEntries(after));
    }),
    { numRuns: 1000 },
  );
});

it('nothing is written where nothing changes, and rules that stay are not touched', () => {
  const before = new Map<ChainKey, Rules>([['nat A', ['-s 1.1.1.1/32 -j RETURN', '-s 2.2.2.2/32 -j RETURN']]]);
  expect(editsOf(before, before)).toEqual({ input: '', lines: 0 });
  const after = new Map<ChainKey, Rules>([
    ['nat A', ['-s 1.1.1.1/32 -j RETURN', '-s 3.3.3.3/32 -j RETURN', '-s 2.2.2.2/32 -j RETURN']],
  ]);
  expect(editsOf(before, after).input).toBe('*nat\n-I A 2 -s 3.3.3.3/32 -j RETURN\nCOMMIT\n');
});
