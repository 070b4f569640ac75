import { describe, expect, it } from 'vitest';
import { cidrFault, parseCidr } from './prefix.ts';

describe('a CIDR', () => {
  it.each([
    ['10.1.2.3/8', 4, '10.0.0.0/8'],
    ['10.1.2.3/32', 4, '10.1.2.3/32'],
    ['10.129.2.3/9', 4, '10.128.0.0/9'],
    ['1.2.3.4/0', 4, '0.0.0.0/0'],
    ['255.255.255.255/32', 4, '255.255.255.255/32'],
    ['010.00.0.0/8', 4, '10.0.0.0/8'],
    ['2001:DB8:1:2:3::/52', 6, '2001:db8:1::/52'],
    ['fd00::1/128', 6, 'fd00::1/128'],
    ['ffff::/0', 6, '::/0'],
    ['ffff:ffff::/9', 6, 'ff80::/9'],
    ['FD00:10:0244::1/64', 6, 'fd00:10:244::/64'],
    ['1:0:0:2:0:0:0:3/128', 6, '1:0:0:2::3/128'],
    ['20:0:0:1:2:0:0:3/128', 6, '20::1:2:0:0:3/128'],
    ['1:0:2:3:4:5:6:7/128', 6, '1:0:2:3:4:5:6:7/128'],
    ['::1.2.3.4/128', 6, '::102:304/128'],
  ])('%s is read as IPv%s %s', (written, family, text) => {
    const prefixLength = Number(text.slice(text.indexOf('/') + 1));
    expect(parseCidr(written)).toEqual({ family, text, prefixLength });
    expect(cidrFault(written)).toBeUndefined();
  });

  it.each([
    ['', 'is not a CIDR: it has no prefix length'],
    ['10.0.0.0', 'is not a CIDR: it has no prefix length'],
    ['10.0.0.0/', 'is not a CIDR: its prefix length is not a number up to 32'],
    ['10.0.0.0/33', 'is not a CIDR: its prefix length is not a number up to 32'],
    ['10.0.0.0/-1', 'is not a CIDR: its prefix length is not a number up to 32'],
    ['10.0.0.0/8/8', 'is not a CIDR: its prefix length is not a number up to 32'],
    ['10.0.0.0/08', 'is not a CIDR: its prefix length has a leading zero'],
    ['::/00', 'is not a CIDR: its prefix length has a leading zero'],
    ['fd00::/129', 'is not a CIDR: its prefix length is not a number up to 128'],
    ['fd00::1::/64', 'is not a CIDR: "::" stands in it more than once'],
    ['fe80::1%eth0/64', 'is not a CIDR: a zone (what follows "%") means nothing to another host'],
    ['::ffff:10.0.0.0/104', 'is not a CIDR: write an IPv4-mapped network as IPv4'],
    ['::ffff:0:0/96', 'is not a CIDR: write an IPv4-mapped network as IPv4'],
    ['10.0.0/8', 'is not a CIDR'],
    ['/8', 'is not a CIDR'],
    ['a/8', 'is not a CIDR'],
  ])('%j is refused: it %s', (written, fault) => {
    expect(parseCidr(written)).toBeUndefined();
    expect(cidrFault(written)).toBe(fault);
  });
});
