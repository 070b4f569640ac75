import { describe, expect, it } from 'vitest';
import { canonicalAddress, parseCidr, withoutOverlaps } from './address.ts';

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

describe('parseCidr', () => {
  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/32', '10.1.2.3/32'],
    ['10.129.2.3/9', '10.128.0.0/9'],
    ['1.2.3.4/0', '0.0.0.0/0'],
    ['2001:DB8:1:2:3::/52', '2001:db8:1::/52'],
    ['fd00::1/128', 'fd00::1/128'],
    ['ffff::/0', '::/0'],
    ['010.0.0.0/08', '10.0.0.0/8'],
  ])('clears the host bits of %s: %s', (written, canonical) => {
    expect(parseCidr(written)?.text).toBe(canonical);
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0.0/-1',
    '/8',
    'a/8',
    '10.0.0.0/8/8',
    '::ffff:10.0.0.0/104',
  ])('refuses %j', (written) => {
    expect(parseCidr(written)).toBeUndefined();
  });
});

describe('withoutOverlaps', () => {
  it('leaves out networks inside others, and networks given twice', () => {
    const cidrs = ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.3/32', '11.0.0.0/16', '11.0.0.0/16', 'fd00::/8', 'fd00:1::/32'];
    expect(withoutOverlaps(cidrs.map((cidr) => parseCidr(cidr)!))).toEqual(['10.0.0.0/8', '11.0.0.0/16', 'fd00::/8']);
  });
});
