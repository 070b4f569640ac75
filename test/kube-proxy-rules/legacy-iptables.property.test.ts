import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { entriesOf, LegacyTables, removeFromLegacy, without } from '../../src/kube-proxy-rules/legacy/testing/index.ts';
import { Namespace } from '../support/index.ts';

let space: Namespace;
beforeAll(async () => {
  space = await Namespace.create('legacy');
});
afterAll(() => space.destroy());

const builtIn = ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'] as const;
/** Each leads to those behind it only: the kernel refuses loops. */
const chains = ['CNI-A', 'KUBE-SERVICES', 'CNI-B', 'KUBE-SVC-MAKGQL4DDKCDWNAY', 'KUBE-MARK-MASQ', 'CNI-C'] as const;
const isKubeProxys = (name: string): boolean => name.startsWith('KUBE-');

interface Rule {
  readonly chain: string;
  readonly to: string;
  readonly port: number;
  readonly packets: number;
}

const rule: fc.Arbitrary<Rule> = fc
  .record({
    from: fc.nat({ max: builtIn.length + chains.length - 1 }),
    step: fc.integer({ min: 1, max: chains.length }),
    port: fc.integer({ min: 1, max: 65_535 }),
    packets: fc.nat({ max: 9 }),
  })
  .map(({ from, step, port, packets }) => {
    const chain = [...builtIn, ...chains][from] ?? builtIn[0];
    const to = chains[Math.max(-1, from - builtIn.length) + step] ?? 'nowhere';
    return { chain, to, port, packets };
  });

/** As `iptables-save -c` says it; a rule to nowhere only counts. */
function text({ chain, to, port, packets }: Rule): string {
  const target = to === 'nowhere' ? '' : ` -j ${to}`;
  return `[${packets}:${packets * 60}] -A ${chain} -p tcp -m tcp --dport ${port}${target}`;
}

function tableOf(rules: readonly Rule[]): string {
  const heads = [...builtIn.map((name) => `:${name} ACCEPT [0:0]`), ...chains.map((name) => `:${name} - [0:0]`)];
  return ['*nat', ...heads, ...rules.map(text), 'COMMIT', ''].join('\n');
}

/** Chains of kube-proxy's that rules of others' own chains, or what stays, lead to. */
function staying(rules: readonly Rule[]): Set<string> {
  const own = (name: string): boolean => builtIn.some((each) => each === name);
  const isEntry = ({ chain, to }: Rule): boolean => own(chain) && to === 'KUBE-SERVICES';
  const reached = new Set(
    rules.filter((each) => !isKubeProxys(each.chain) && isKubeProxys(each.to) && !isEntry(each)).map(({ to }) => to),
  );
  for (const name of reached) for (const { chain, to } of rules) if (chain === name) reached.add(to);
  return reached;
}

it('whatever is in a table of legacy iptables: what stays is as it was, to the counter', async () => {
  const property = fc.asyncProperty(fc.array(rule, { maxLength: 20 }), async (rules) => {
    await space.run('iptables-legacy-restore', ['-c'], { input: tableOf(rules) });
    const removal = space.inside(() => {
      using tables = new LegacyTables(4);
      return removeFromLegacy(tables, 'nat');
    });
    const kept = staying(rules);
    const goes = (name: string): boolean => isKubeProxys(name) && !kept.has(name);
    const left = (await space.run('iptables-legacy-save', ['-t', 'nat', '-c'])).split('\n');
    expect(left.flatMap((line) => /^:(\S+) -/.exec(line)?.[1] ?? []).toSorted()).toEqual(
      chains.filter((name) => !goes(name)).toSorted(),
    );
    // Within a chain order counts; between chains there is none.
    const expected = rules.filter(
      ({ chain, to }) => !goes(chain) && !(to === 'KUBE-SERVICES' && builtIn.some((name) => name === chain)),
    );
    for (const chain of [...builtIn, ...chains]) {
      const rulesOf = left.filter((line) => line.includes(` -A ${chain} `)).map((line) => line.trim());
      expect(rulesOf).toEqual(expected.filter((each) => each.chain === chain).map(text));
    }
    expect(removal.chains.toSorted()).toEqual(chains.filter(goes).toSorted());
  });
  await fc.assert(property, { numRuns: 40 });
}, 120_000);

it('what somebody else has written since it was read is not overwritten: the kernel says so', async () => {
  await space.run('iptables-legacy-restore', [], { input: tableOf([]) });
  const read = space.inside(() => {
    using tables = new LegacyTables(4);
    const table = tables.read('nat');
    const entries = entriesOf(table);
    return { entries, rebuilt: without(table, entries, new Set()) };
  });
  await space.run('iptables-legacy', ['-t', 'nat', '-A', 'CNI-A', '-j', 'RETURN']);
  space.inside(() => {
    using tables = new LegacyTables(4);
    expect(() => {
      tables.write(read.rebuilt, read.entries.length);
    }).toThrow('EAGAIN');
  });
  expect(await space.run('iptables-legacy-save', ['-t', 'nat'])).toContain('-A CNI-A -j RETURN');
});
