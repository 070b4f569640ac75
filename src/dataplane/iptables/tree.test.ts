import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { longestName } from './chains.ts';
import type { Rules } from './chains.ts';
import { addressKey, forksOf, portKey } from './keys.ts';
import { treeChains } from './tree.ts';

const forks = forksOf(4)['nat addresses'];

/** A tree over these addresses, one rule each. */
const treeOver = (addresses: readonly string[]): Map<string, Rules> =>
  treeChains(forks, new Map(addresses.map((address) => [addressKey(address), [`-d ${address}/32 -g WEB`]])));

const many = (count: number): string[] =>
  Array.from({ length: count }, (_value, index) => `10.96.${index >> 8}.${index & 255}`);

/** Whether a rule of these tests is about this address, and where it leads. */
function leads(rule: string, address: string): string | undefined {
  const [, start = '', length = '', target] = /-d ([^/]+)\/(\d+).* -[jg] (\S+)/.exec(rule) ?? [];
  const digits = Number(length) / 4;
  return addressKey(start).slice(0, digits) === addressKey(address).slice(0, digits) ? target : undefined;
}

/** How many rules a packet to this address is compared with until it finds its own. */
function looked(chains: ReadonlyMap<string, Rules>, address: string): number {
  let count = 0;
  const walk = (name: string): boolean =>
    (chains.get(name) ?? []).some((rule) => {
      count++;
      const target = leads(rule, address);
      return target === 'WEB' || (target !== undefined && walk(target));
    });
  expect(walk(forks.root), address).toBe(true);
  return count;
}

describe('a tree of rules', () => {
  it('is one chain as long as rules are few', () => {
    expect([...treeOver(['10.96.0.1', '10.96.0.10']).entries()]).toEqual([
      ['NFTPROXY-VIP', ['-d 10.96.0.1/32 -g WEB', '-d 10.96.0.10/32 -g WEB']],
    ]);
  });

  it('forks by four bits where they are many', () => {
    const chains = treeOver(many(40));
    expect(chains.get('NFTPROXY-VIP')).toEqual([
      '-d 10.96.0.0/28 -j NFTPROXY-VIP-0a60000',
      '-d 10.96.0.16/28 -j NFTPROXY-VIP-0a60001',
      '-d 10.96.0.32/28 -j NFTPROXY-VIP-0a60002',
    ]);
    expect(chains.get('NFTPROXY-VIP-0a60002')).toHaveLength(8);
  });

  it('looks at as few rules with 10,000 addresses as with a few hundred', () => {
    const chains = treeOver(many(10_000));
    const worst = Math.max(...many(10_000).map((address) => looked(chains, address)));
    expect(worst).toBeLessThanOrEqual(64);
  });

  it('changes few chains when an address comes', () => {
    const [before, after] = [treeOver(many(5000)), treeOver([...many(5000), '10.97.3.4'])];
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
      (name) => before.get(name)?.join() !== after.get(name)?.join(),
    );
    expect(changed.length).toBeLessThanOrEqual(4);
  });

  it('tells ports apart at one address, and has the rule of the address alone at the end', () => {
    const ports = Array.from({ length: 20 }, (_value, index) => 8000 + index);
    const leaves = new Map<string, string[]>([
      [addressKey('10.96.0.1'), ['-d 10.96.0.1/32 -g NOPORT']],
      ...ports.map(
        (port) => [`${addressKey('10.96.0.1')}${portKey('tcp', port)}`, [`rule ${port}`]] as [string, string[]],
      ),
    ]);
    const chains = treeChains(forks, leaves);
    expect(chains.get('NFTPROXY-VIP')).toEqual([
      '-d 10.96.0.1/32 -p tcp -j NFTPROXY-VIP-0a6000011',
      '-d 10.96.0.1/32 -g NOPORT',
    ]);
    expect(chains.get('NFTPROXY-VIP-0a6000011')).toEqual([
      '-d 10.96.0.1/32 -p tcp -m tcp --dport 8000:8015 -j NFTPROXY-VIP-0a60000111f4',
      '-d 10.96.0.1/32 -p tcp -m tcp --dport 8016:8031 -j NFTPROXY-VIP-0a60000111f5',
    ]);
  });

  it('finds every address, in names that iptables takes, whatever the addresses', () => {
    const address = fc
      .tuple(fc.constantFrom(10, 192), fc.nat(255), fc.nat(3), fc.nat(255))
      .map((bytes) => bytes.join('.'));
    fc.assert(
      fc.property(fc.uniqueArray(address, { minLength: 1, maxLength: 300 }), (addresses) => {
        const chains = treeOver(addresses);
        for (const one of addresses) looked(chains, one);
        for (const [name, rules] of chains) {
          expect(name.length).toBeLessThanOrEqual(longestName);
          expect(rules.length).toBeLessThanOrEqual(17);
        }
      }),
    );
  });
});
