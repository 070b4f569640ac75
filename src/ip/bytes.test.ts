import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpv4, formatIpv6, readAddress } from './bytes.ts';

/** The family and the 16 bytes of a text; undefined if it is no address. */
function read(text: string): { family: number; bytes: number[] } | undefined {
  const bytes = new Uint8Array(16).fill(0xaa);
  const family = readAddress(text, 0, text.length, bytes);
  return family === 0 ? undefined : { family, bytes: [...bytes] };
}

const octets = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
/** Addresses with runs of zero groups and of all ones, which spellings are about. */
const sparse = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));
/** What Node's URL makes of an IPv6 address: RFC 5952 without a dotted tail. */
const byUrl = (text: string): string => new URL(`http://[${text}]`).hostname.slice(1, -1);

describe('addresses', () => {
  it('of IPv4 are read back from what is printed', () => {
    fc.assert(
      fc.property(octets(4), (bytes) => {
        const text = formatIpv4(bytes, 0);
        expect(isIPv4(text)).toBe(true);
        expect(read(text)).toEqual({ family: 4, bytes: [...new Uint8Array(10), 255, 255, ...bytes] });
      }),
    );
  });

  it('of IPv6 are read back from what is printed, which is what Node prints', () => {
    fc.assert(
      fc.property(fc.oneof(octets(16), sparse), (bytes) => {
        const text = formatIpv6(bytes, 0);
        expect(read(text)).toEqual({ family: isIPv4(text) ? 4 : 6, bytes: [...bytes] });
        const written = isIPv4(text) ? `::ffff:${text}` : text;
        const groups = Array.from({ length: 8 }, (_, index) =>
          Buffer.from(bytes)
            .readUInt16BE(2 * index)
            .toString(16),
        );
        expect(byUrl(groups.join(':'))).toBe(isIPv4(text) ? byUrl(written) : text);
      }),
      { numRuns: 2000 },
    );
  });

  it('are just those that Node takes, but for leading zeros and zones', () => {
    const text = fc.string({
      unit: fc.constantFrom('0', '1', 'f', 'F', ':', '::', '.', '1.2.3.4', '256', 'g', '12345', '1:2:3:4:5:6', '%0'),
      maxLength: 9,
    });
    fc.assert(
      fc.property(text, (candidate) => {
        const withoutZeros = candidate.replace(/\b0+(?=\d+\.)|(?<=\.)0+(?=\d)/g, '');
        const valid = isIPv4(withoutZeros) || (isIPv6(withoutZeros) && !candidate.includes('%'));
        expect(read(candidate) !== undefined, candidate).toBe(valid);
      }),
      { numRuns: 5000 },
    );
  });

  it('stand in the middle of longer texts', () => {
    const bytes = new Uint8Array(16);
    const key = '::1 . 10.96.0.1 . fd00::5:6 . 80::';
    expect(readAddress(key, 6, 15, bytes)).toBe(4);
    expect(formatIpv6(bytes, 0)).toBe('10.96.0.1');
    expect(readAddress(key, 18, 27, bytes)).toBe(6);
    expect(formatIpv6(bytes, 0)).toBe('fd00::5:6');
    expect(readAddress(key, 6, 17, bytes)).toBe(0);
    expect(readAddress(key, 6, 14, bytes)).toBe(0);
  });
});
