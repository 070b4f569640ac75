import { describe, expect, it } from 'vitest';
import { addressBytes, addressFault, canonicalAddress, formatAddress } from './address.ts';

describe('canonicalAddress', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['010.000.0.001', '10.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00::ABCD', 'fd00::abcd'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['fd00::', 'fd00::'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['::5:6', '::5:6'],
    ['::0.5.0.6', '::5:6'],
    ['::1.2.3.4', '::102:304'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
  ])('reads %s as %s', (written, canonical) => {
    expect(canonicalAddress(written)).toBe(canonical);
  });

  it.each([
    '',
    '10.0.0',
    '10.0.0.0.1',
    '10.0.0.256',
    '10.0.0.-1',
    '10.0.0.1 ',
    '10.0.0.1\n',
    '10.0.0.0x1',
    '10..0.1',
    '1.2.3.4::',
    '::1.2.3.4.5',
    '::1.2.3.4:1',
    ':::',
    '1::2::3',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    'fd00::12345',
    'fd00::g',
    'fe80::1%eth0',
    'localhost',
    '0'.repeat(1000) + '.0.0.1',
  ])('refuses %j', (written) => {
    expect(canonicalAddress(written)).toBeUndefined();
  });
});

describe('addressFault', () => {
  it.each([
    ['localhost', 'is not an IP address'],
    ['fe80::1%eth0', 'is not an IP address: a zone (what follows "%") means nothing to another host'],
    ['10.0.0.1/32', 'is not an IP address: it has a prefix length'],
    ['1::2::3', 'is not an IP address: "::" stands in it more than once'],
    ['::5:6', undefined],
  ])('says of %j that it %s', (written, fault) => {
    expect(addressFault(written)).toBe(fault);
  });
});

describe('addressBytes', () => {
  it('gives as many bytes as the family has, or as are asked for', () => {
    expect([...addressBytes('10.0.0.1')]).toEqual([10, 0, 0, 1]);
    expect([...addressBytes('::ffff:10.0.0.1')]).toEqual([10, 0, 0, 1]);
    expect([...addressBytes('10.0.0.1', 6)]).toEqual([...new Uint8Array(10), 255, 255, 10, 0, 0, 1]);
    expect(formatAddress(addressBytes('10.0.0.1', 6))).toBe('10.0.0.1');
    expect(formatAddress(addressBytes('::5:6'))).toBe('::5:6');
    expect(() => addressBytes('::5:6', 4)).toThrow('"::5:6" is not an IPv4 address');
    expect(() => addressBytes('x')).toThrow(new RangeError('"x" is not an IP address'));
  });
});
