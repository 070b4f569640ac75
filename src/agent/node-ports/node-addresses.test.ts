import { networkInterfaces } from 'node:os';
import { describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../../runtime/testing/index.ts';
import { NodeAddresses, nodePortAddresses } from './node-addresses.ts';

vi.mock('node:os', { spy: true });

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

describe('addresses that come and go', () => {
  const everywhere = ['0.0.0.0/0'];
  const having = (address: string) => ({
    eth0: [{ address, family: 'IPv4' as const, netmask: '', mac: '', internal: false, cidr: null }],
  });

  test('are noticed within two seconds, also where nothing else changes; of other ranges at once', async () => {
    vi.mocked(networkInterfaces).mockReturnValue(having('192.0.2.1'));
    const clock = new ManualClock();
    const told: (readonly string[])[] = [];
    const addresses = new NodeAddresses({ changed: (current) => void told.push(current), clock });
    addresses.setRanges(everywhere);
    expect(told).toEqual([['192.0.2.1']]);
    vi.mocked(networkInterfaces).mockReturnValue(having('192.0.2.2'));
    await clock.advance(2000);
    expect([told.at(-1), addresses.current]).toEqual([['192.0.2.2'], ['192.0.2.2']]);
    addresses.setRanges(['198.51.100.0/24']);
    expect(addresses.current).toEqual([]);
    addresses.stop();
  });

  test('are not asked for by each sync', () => {
    const addresses = new NodeAddresses({ changed: () => undefined, clock: new ManualClock() });
    addresses.setRanges(everywhere);
    vi.mocked(networkInterfaces).mockClear();
    for (let sync = 0; sync < 3; sync++) addresses.setRanges([...everywhere]);
    expect(networkInterfaces).not.toHaveBeenCalled();
    addresses.stop();
  });
});
