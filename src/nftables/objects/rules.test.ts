import { describe, expect, it } from 'vitest';
import { fingerprint, ruleText } from './rules.ts';
import {
  comparePrefix,
  concat,
  ctStatusDnat,
  dnatFromMap,
  drop,
  goto,
  iifname,
  ipDaddr,
  ipSaddr,
  jhashMod,
  l4proto,
  lookup,
  matchL4Protocols,
  numgenRandom,
  thDport,
  updateMap,
} from '../expressions/index.ts';
import type { Statement } from '../expressions/index.ts';

function hash(...statements: Statement[]): string {
  return fingerprint({ chain: 'c', statements });
}

describe("a rule's fingerprint", () => {
  it('is short and the same for the same rule', () => {
    const rule = (): string => hash(ctStatusDnat(), matchL4Protocols(['tcp', 'udp']), goto('d'));
    expect(rule()).toMatch(/^[0-9a-f]{16}$/);
    expect(rule()).toBe(rule());
  });

  it('tells rules apart that do different things', () => {
    const key = (modulus: number) => concat(ipDaddr(4), l4proto(), thDport(), numgenRandom(modulus));
    const hashes = [
      hash(dnatFromMap(4, key(3), 'endpoints4')),
      hash(dnatFromMap(4, key(4), 'endpoints4')),
      hash(dnatFromMap(4, key(3), 'endpoints')),
      hash(lookup(ipDaddr(4), 'ips'), drop()),
      hash(lookup(ipSaddr(4), 'ips'), drop()),
      hash(lookup(ipDaddr(4), 'ips', { invert: true }), drop()),
      hash(iifname('br0'), drop()),
      hash(iifname('br0', { prefix: true }), drop()),
      hash(drop()),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('covers what is in anonymous sets', () => {
    expect(hash(matchL4Protocols(['tcp', 'udp']))).not.toBe(hash(matchL4Protocols(['tcp', 'sctp'])));
  });

  it('leaves chain and comment out', () => {
    const statements = [drop()];
    expect(fingerprint({ chain: 'a', statements, comment: 'x' })).toBe(fingerprint({ chain: 'b', statements }));
  });
});

describe('a rule as text', () => {
  it('reads as nft prints it', () => {
    const rule = {
      chain: 'c',
      statements: [
        comparePrefix(ipDaddr(4), '!=', '127.0.0.1/8'),
        lookup(ipSaddr(4), 's', { invert: true }),
        goto('d'),
      ],
      comment: 'why',
    };
    expect(ruleText(rule)).toBe('ip daddr != 127.0.0.0/8 ip saddr != @s goto d comment "why"');
    expect(jhashMod([ipSaddr(6)], 1021, 0x1234).text).toBe('jhash ip6 saddr mod 1021 seed 0x1234');
  });
});

describe('what cannot be a rule', () => {
  it('is refused before it gets to the kernel', () => {
    expect(() => numgenRandom(0)).toThrow(RangeError);
    expect(() => concat(ipDaddr(4), ipDaddr(6))).toThrow('both IP families');
    expect(() => iifname('a-name-that-is-too-long')).toThrow(RangeError);
    expect(() => comparePrefix(l4proto(), '==', '10.0.0.0/8')).toThrow(TypeError);
    expect(() => comparePrefix(ipDaddr(4), '==', '0.0.0.0/0')).toThrow(RangeError);
    const six = concat(ipSaddr(6), ipDaddr(6));
    expect(() => hash(updateMap('m', six, concat(six, six), 1))).toThrow('registers');
  });
});
