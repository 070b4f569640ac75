import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { nodePortAddresses } from './node-addresses.ts';

const interfaces = {
  lo: [{ address: '127.0.0.1' }, { address: '::1' }],
  eth0: [{ address: '192.168.0.2' }, { address: '192.168.0.9' }, { address: 'fd00::2' }, { address: 'fe80::1' }],
  eth1: [{ address: '10.9.0.2' }, { address: '169.254.1.1' }],
};

describe('addresses for node ports', () => {
  test.each([
    ['single addresses', ['192.168.0.2', 'fd00::2'], ['192.168.0.2', 'fd00::2']],
    ['a range', ['192.168.0.0/24'], ['192.168.0.2', '192.168.0.9']],
    [
      'everything, but no loopback and no link-local address',
      ['0.0.0.0/0', '::/0'],
      ['10.9.0.2', '192.168.0.2', '192.168.0.9', 'fd00::2'],
    ],
    ['an address that this machine does not have (yet)', ['192.168.0.77'], []],
    ['nothing', [], []],
  ])('%s', (_title, ranges, expected) => {
    expect(nodePortAddresses(ranges, interfaces)).toEqual(expected);
  });

  test('this machine can be asked', () => {
    expect(nodePortAddresses(['0.0.0.0/0', '::/0'], networkInterfaces())).not.toContain('127.0.0.1');
  });
});
