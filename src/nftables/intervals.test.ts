import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SyntaxFault } from './address.ts';
import { formatRange, mergePrefixes, parseRange } from './intervals.ts';

/** Prefixes within 10.0.0.0/24: small enough to list the addresses they cover. */
const smallPrefix = fc
  .tuple(fc.nat(255), fc.integer({ min: 24, max: 32 }))
  .map(([host, length]) => `10.0.0.${host}/${length}`);

function hosts(prefixes: readonly string[]): number[] {
  const covered = prefixes.flatMap((prefix) => {
    const { first, last } = parseRange(prefix, 32);
    return Array.from({ length: Number(last - first) + 1 }, (_, index) => Number(first) + index);
  });
  return [...covered].sort((a, b) => a - b);
}

describe('prefixes of interval sets', () => {
  it('are merged to the same addresses, without overlap, in the fewest prefixes', () => {
    fc.assert(
      fc.property(fc.array(smallPrefix, { maxLength: 12 }), (prefixes) => {
        const merged = mergePrefixes(prefixes);
        expect(hosts(merged)).toEqual([...new Set(hosts(prefixes))]);
        expect(mergePrefixes(merged)).toEqual(merged);
      }),
    );
  });

  it('come sorted, hosts without a length, IPv4 before IPv6', () => {
    expect(mergePrefixes(['fd00::/8', '192.168.1.1/32', '10.1.0.0/16', '10.0.0.0/8', '::1/128', '11.0.0.0/8'])).toEqual(
      ['10.0.0.0/7', '192.168.1.1', '::1', 'fd00::/8'],
    );
  });

  it('may be everything', () => {
    expect(mergePrefixes(['0.0.0.0/0', '10.0.0.0/8', '::/1', '8000::/1'])).toEqual(['0.0.0.0/0', '::/0']);
  });

  it('lose their host bits, as nft does it', () => {
    expect(mergePrefixes(['10.1.2.3/8'])).toEqual(['10.0.0.0/8']);
  });

  it('print as an address, a prefix or a range', () => {
    for (const text of ['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '10.0.0.1-10.0.0.9']) {
      expect(formatRange(parseRange(text, 32), 32)).toBe(text);
    }
    for (const text of ['::', 'fd00::/8', '::/0', 'fd00::1-fd00::9']) {
      expect(formatRange(parseRange(text, 128), 128)).toBe(text);
    }
  });

  it('are refused when they are none', () => {
    for (const text of [
      '10.0.0.0/33',
      '10.0.0.0/',
      '10.0.0.0/-1',
      '10.0.0.0/8/8',
      '10.0.0.9-10.0.0.1',
      'x/8',
      'fd00::/129',
    ]) {
      expect(() => mergePrefixes([text]), text).toThrow(SyntaxFault);
    }
  });
});
