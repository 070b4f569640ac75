import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, formatRange, mergePrefixes, parseRange } from './ranges.ts';

/** A corner of each family, small enough to list its addresses. */
const corners = {
  4: { text: (host: number) => `10.0.0.${host}`, bits: 32 },
  6: { text: (host: number) => `fd00::5:${host.toString(16)}`, bits: 128 },
} as const;
const family = fc.constantFrom<4 | 6>(4, 6);
const host = fc.nat(255);

const prefix = fc
  .tuple(family, host, fc.integer({ min: 0, max: 8 }))
  .map(([of, at, hostBits]) => `${corners[of].text(at)}/${corners[of].bits - hostBits}`);
const single = fc.tuple(family, host).map(([of, at]) => corners[of].text(at));
const range = fc
  .tuple(family, host, host)
  .map(([of, a, b]) => `${corners[of].text(Math.min(a, b))}-${corners[of].text(Math.max(a, b))}`);
const ranges = fc.array(fc.oneof(prefix, single, range), { maxLength: 12 });

/** The model: every address, one by one. */
function covered(texts: readonly string[]): string[] {
  const found = new Set<string>();
  for (const text of texts) {
    const { family: of, first, last } = parseRange(text);
    for (let at = first; at <= last; at++) found.add(`IPv${of} ${at}`);
  }
  return [...found].sort();
}

describe('the merge of ranges', () => {
  it('covers the same addresses, without overlap, and is the same for every way to say them', () => {
    fc.assert(
      fc.property(ranges, fc.nat(), (texts, seed) => {
        const merged = mergePrefixes(texts);
        expect(covered(merged)).toEqual(covered(texts));
        const sizes = merged.map(rangeOf).map(({ first, last }) => Number(last - first) + 1);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(covered(texts).length);
        expect(mergePrefixes(merged)).toEqual(merged);
        expect(mergePrefixes([...texts, ...texts].sort(() => (seed % 2 === 0 ? 1 : -1)))).toEqual(merged);
      }),
    );
  });

  it('has the fewest prefixes: no two of them make one', () => {
    fc.assert(
      fc.property(ranges, (texts) => {
        const merged = mergePrefixes(texts).map(rangeOf);
        for (const [index, { first, last, family: of }] of merged.entries()) {
          const next = merged[index + 1];
          if (next?.first !== last + 1n || next.family !== of) continue;
          expect(formatRange({ family: of, first, last: next.last })).toContain('-');
        }
      }),
    );
  });

  it('is sorted, IPv4 first, single addresses without a length', () => {
    expect(mergePrefixes(['fd00::/8', '192.168.1.1/32', '10.1.0.0/16', '10.0.0.0/8', '::1/128', '11.0.0.0/8'])).toEqual(
      ['10.0.0.0/7', '192.168.1.1', '::1', 'fd00::/8'],
    );
  });

  it('may be everything, of each family by itself', () => {
    expect(mergePrefixes(['0.0.0.0/0', '10.0.0.0/8', '::/1', '8000::/1'])).toEqual(['0.0.0.0/0', '::/0']);
    expect(mergePrefixes(['::/0', '10.0.0.1'])).toEqual(['10.0.0.1', '::/0']);
  });

  it('refuses what is no range, with the reason', () => {
    expect(() => mergePrefixes(['10.0.0.0/33'])).toThrow('"10.0.0.0/33" is not a CIDR: its prefix length is not');
    expect(() => mergePrefixes(['10.0.0.9-10.0.0.1'])).toThrow('is not a range: it ends before it begins');
    expect(() => mergePrefixes(['10.0.0.1-fd00::1'])).toThrow(RangeError);
    expect(() => mergePrefixes(['x'])).toThrow('"x" is not an IP address');
  });
});

describe('a range', () => {
  it('is printed as an address, a prefix or a range, and read back', () => {
    const texts = ['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '10.0.0.1-10.0.0.9'];
    for (const text of [...texts, '::', 'fd00::/8', '::/0', '::5:6', 'fd00::1-fd00::9']) {
      expect(formatRange(parseRange(text))).toBe(text);
    }
  });

  it('of IPv4 that stands among IPv6 keeps its IPv4 text', () => {
    for (const text of ['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '10.0.0.1-10.0.0.9', '::fffe:ffff:ffff-10.0.0.1']) {
      expect(formatRange(parseRange(text, 6))).toBe(text);
    }
    expect(parseRange('10.0.0.1', 6).first).toBe(0xffff_0a00_0001n);
  });

  it('has the addresses that Node’s BlockList says', () => {
    fc.assert(
      fc.property(ranges, single, (texts, address) => {
        const list = new BlockList();
        for (const text of texts) {
          const type = text.includes(':') ? 'ipv6' : 'ipv4';
          const [start = '', end] = text.split(/[-/]/);
          if (text.includes('/')) list.addSubnet(start, Number(end), type);
          else if (end === undefined) list.addAddress(start, type);
          else list.addRange(start, end, type);
        }
        expect(contains(texts, address)).toBe(list.check(address, address.includes(':') ? 'ipv6' : 'ipv4'));
      }),
    );
  });

  it('has IPv4 addresses in either spelling, and none of the other family', () => {
    expect(contains(['10.0.0.0/8'], '::ffff:10.1.2.3')).toBe(true);
    expect(contains(['::/0'], '10.1.2.3')).toBe(false);
    expect(contains(['0.0.0.0/0'], '::5:6')).toBe(false);
  });
});

function rangeOf(text: string): ReturnType<typeof parseRange> {
  return parseRange(text);
}
