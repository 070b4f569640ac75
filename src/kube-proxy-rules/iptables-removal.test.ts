import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planIptablesRemoval } from './iptables-removal.ts';
import type { IptablesTable } from './iptables-removal.ts';

const sep = 'KUBE-SEP-BKKJO2AM6VZTCQB6';
const svc = 'KUBE-SVC-MAKGQL4DDKCDWNAY';

/** The table nat with these rules: `PREROUTING > KUBE-SERVICES`. Built-in chains are those without a dash. */
function nat(...rules: string[]): IptablesTable {
  const parsed = rules.map((text, index) => {
    const [chain = '', ...to] = text.split(' > ');
    return { chain, handle: index + 1, leadsTo: to };
  });
  const names = new Set(parsed.flatMap(({ chain, leadsTo }) => [chain, ...leadsTo]));
  const base = { type: 'nat', hook: 'prerouting', priority: -100 } as const;
  const chains = [...names].map((name) => ({ name, ...(name.includes('-') ? {} : { base }) }));
  return { family: 'ip', name: 'nat', chains, rules: parsed };
}

describe("what is kube-proxy's in a table of iptables", () => {
  it('is its chains, and the rules of built-in chains that lead there', () => {
    const table = nat(
      'PREROUTING > KUBE-SERVICES',
      `KUBE-SERVICES > ${svc}`,
      `${svc} > ${sep}`,
      `${sep} > KUBE-MARK-MASQ`,
    );
    expect(planIptablesRemoval(table)).toEqual({
      entries: [{ chain: 'PREROUTING', handle: 1 }],
      chains: ['KUBE-SERVICES', svc, sep, 'KUBE-MARK-MASQ'],
      kept: [],
    });
  });

  it("is nothing of the kubelet's, of a CNI's, or of anybody who calls a chain KUBE-something", () => {
    const foreign = [
      'KUBE-FIREWALL',
      'KUBE-KUBELET-CANARY',
      'KUBE-IPTABLES-HINT',
      'KUBE-ROUTER-INPUT',
      'KUBE-SVC-mine',
    ];
    const table = nat(...foreign.map((name) => `OUTPUT > ${name}`), 'POSTROUTING > CNI-HOSTPORT-MASQ');
    expect(planIptablesRemoval(table)).toEqual({ entries: [], chains: [], kept: [] });
  });

  it("is left where somebody else's rule leads there, with all that it leads to, and named", () => {
    const table = nat('PREROUTING > KUBE-SERVICES', `KUBE-SERVICES > ${svc}`, `CNI-DN > ${svc}`, `${svc} > ${sep}`);
    const removal = planIptablesRemoval(table);
    expect(removal.chains).toEqual(['KUBE-SERVICES']);
    expect(removal.kept).toEqual([`${svc} (from CNI-DN)`]);
  });

  it('can always be deleted: no rule that stays leads to a chain that goes, and what goes is kube-proxy’s', () => {
    const names = fc.constantFrom(
      'PREROUTING',
      'CNI-A',
      'CNI-B',
      'KUBE-SERVICES',
      'KUBE-MARK-MASQ',
      'KUBE-FIREWALL',
      svc,
      sep,
    );
    const rule = fc.tuple(names, names).map(([from, to]) => `${from} > ${to}`);
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 20 }), (rules) => {
        const table = nat(...rules);
        const { entries, chains } = planIptablesRemoval(table);
        const gone = new Set(entries.map(({ handle }) => handle));
        const stays = table.rules.filter(({ chain, handle }) => !gone.has(handle) && !chains.includes(chain));
        expect(stays.flatMap(({ leadsTo }) => leadsTo).filter((to) => chains.includes(to))).toEqual([]);
        expect(chains.filter((name) => !/^KUBE-(SERVICES|MARK-MASQ|SVC-|SEP-)/.test(name))).toEqual([]);
        expect(entries.filter(({ chain }) => chain !== 'PREROUTING')).toEqual([]);
      }),
    );
  });
});
