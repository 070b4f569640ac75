import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpv4, formatIpv6, SyntaxFault, writeIpv4, writeIpv6 } from './address.ts';
import { MessageWriter } from '../netlink/index.ts';

function ipv4Bytes(text: string): number[] {
  const writer = new MessageWriter();
  writeIpv4(writer, text, 0, text.length);
  return [...writer.bytes];
}

function ipv6Bytes(text: string): number[] {
  const writer = new MessageWriter();
  writeIpv6(writer, text, 0, text.length);
  return [...writer.bytes];
}

const octets = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
/** Addresses with runs of zero groups, which the abbreviation is about. */
const sparse = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

describe('addresses', () => {
  it('reads back every IPv4 address that it prints', () => {
    fc.assert(
      fc.property(octets(4), (bytes) => {
        expect(ipv4Bytes(formatIpv4(bytes, 0))).toEqual([...bytes]);
      }),
    );
  });

  it('reads back every IPv6 address that it prints, and Node takes the text too', () => {
    fc.assert(
      fc.property(fc.oneof(octets(16), sparse), (bytes) => {
        const text = formatIpv6(bytes, 0);
        expect(isIPv6(text)).toBe(true);
        expect(ipv6Bytes(text)).toEqual([...bytes]);
      }),
    );
  });

  it('prints IPv6 as RFC 5952 asks', () => {
    const canonical = (text: string): string => formatIpv6(Uint8Array.from(ipv6Bytes(text)), 0);
    expect(canonical('2001:0DB8:0:0:0:0:0:1')).toBe('2001:db8::1');
    expect(canonical('2001:db8:0:1:1:1:1:1')).toBe('2001:db8:0:1:1:1:1:1');
    expect(canonical('2001:0:0:1:0:0:0:1')).toBe('2001:0:0:1::1');
    expect(canonical('2001:db8:0:0:1:0:0:1')).toBe('2001:db8::1:0:0:1');
    expect(canonical('0:0:0:0:0:0:0:0')).toBe('::');
    expect(canonical('::1')).toBe('::1');
    expect(canonical('fe80::')).toBe('fe80::');
    expect(canonical('::ffff:10.0.0.1')).toBe('::ffff:10.0.0.1');
  });

  it('takes just the IPv6 texts that Node takes', () => {
    const text = fc.string({
      unit: fc.constantFrom('0', '1', 'f', 'F', ':', '::', '.', '1.2.3.4', 'g'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(text, (candidate) => {
        if (isIPv6(candidate)) expect(ipv6Bytes(candidate)).toHaveLength(16);
        else expect(() => ipv6Bytes(candidate)).toThrow(SyntaxFault);
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses what is no IPv4 address', () => {
    for (const text of [
      '',
      '1',
      '1.2.3',
      '1.2.3.4.5',
      '256.1.1.1',
      '01.2.3.4',
      '1.2.3.00',
      '1..2.3',
      '1.2.3.x',
      '1.2.3.4 ',
      '-1.2.3.4',
      '::1',
    ]) {
      expect(() => ipv4Bytes(text), text).toThrow(SyntaxFault);
    }
  });
});
