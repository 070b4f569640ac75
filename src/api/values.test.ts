import { expect, test } from 'vitest';
import { defaults, withDefaults } from './defaults.ts';
import { durationSeconds } from './duration.ts';
import { revisionOf } from './revision.ts';

test('an effective configuration has canonical CIDRs, each once, IPv4 first', () => {
  const given = ['FD00:10:0244::1/64', '010.244.3.7/16', '10.244.0.0/16', '::5:6/128'];
  expect(withDefaults({ nodePortAddresses: given }).nodePortAddresses).toEqual([
    '10.244.0.0/16',
    '::5:6/128',
    'fd00:10:244::/64',
  ]);
});

test.each([
  ['10.0.0.0/08', '"10.0.0.0/08" is not a CIDR: its prefix length has a leading zero'],
  ['::ffff:192.0.2.128/128', '"::ffff:192.0.2.128/128" is not a CIDR: write an IPv4-mapped network as IPv4'],
])('there is no effective configuration with %s', (text, message) => {
  expect(() => withDefaults({ clusterCIDRs: [text] })).toThrow(message);
});

test('durations are in Go’s words', () => {
  expect(durationSeconds('24h')).toBe(86400);
  expect(durationSeconds('1h0m30s')).toBe(3630);
  expect(durationSeconds('1.5s')).toBe(1.5);
  expect(durationSeconds('250ms')).toBeCloseTo(0.25);
  expect(durationSeconds('0')).toBe(0);
  expect(() => durationSeconds('-1h')).toThrow('"-1h" is not a duration');
});

test('specs that mean the same have the same revision, others another', () => {
  const revision = (spec: Parameters<typeof withDefaults>[0]) => revisionOf(withDefaults(spec));
  const plain = revision({});
  expect(plain).toMatch(/^[0-9a-f]{10}$/);
  expect(revision({ nodePortAddresses: ['primary'], loadBalancing: { maglev: {} } })).toBe(plain);
  expect(revision({ clusterCIDRs: ['fd00::1/64', '10.0.0.1/8'] })).toBe(
    revision({ clusterCIDRs: ['10.0.0.0/8', 'fd00::/64'] }),
  );
  expect(revision({ masqueradeAll: true })).not.toBe(plain);
  expect(revision({ conntrack: { tcpBeLiberal: true } })).not.toBe(plain);
  expect(revision({ onDelete: 'Keep' })).toBe(plain);
  expect(revision({ onDelete: 'Cleanup' })).not.toBe(plain);
});

test('defaults are kube-proxy’s where it has the field', () => {
  expect(defaults.conntrack).toMatchObject({ maxPerCore: 32768, min: 131072, tcpEstablishedTimeout: '24h' });
});
