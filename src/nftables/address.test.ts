import { describe, expect, it } from 'vitest';
import { SyntaxFault, writeIpv4, writeIpv6 } from './address.ts';
import { MessageWriter } from '../netlink/index.ts';

function written(write: typeof writeIpv4, text: string): number[] {
  const writer = new MessageWriter();
  const key = `before ${text} after`;
  write(writer, key, 7, 7 + text.length);
  return [...writer.bytes];
}

const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1];

describe('addresses in messages', () => {
  it('are written from the middle of a text, in network order', () => {
    expect(written(writeIpv4, '10.96.0.1')).toEqual([10, 96, 0, 1]);
    expect(written(writeIpv6, 'fd00::5:6')).toEqual([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 6]);
  });

  it('of IPv4 are the same whichever way they are spelled, and stand mapped among IPv6', () => {
    expect(written(writeIpv4, '::ffff:10.0.0.1')).toEqual([10, 0, 0, 1]);
    expect(written(writeIpv6, '::ffff:a00:1')).toEqual(mapped);
    expect(written(writeIpv6, '10.0.0.1')).toEqual(mapped);
  });

  it('are refused with a reason', () => {
    expect(() => written(writeIpv4, 'fd00::1')).toThrow(new SyntaxFault('"fd00::1" is not an IPv4 address'));
    expect(() => written(writeIpv4, '10.0.0.1/8')).toThrow('"10.0.0.1/8" is not an IP address: it has a prefix length');
    expect(() => written(writeIpv6, 'fd00::1::')).toThrow('"fd00::1::" is not an IP address: "::" stands in it more');
    expect(() => written(writeIpv6, '')).toThrow(SyntaxFault);
  });
});
