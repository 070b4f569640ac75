import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCidr } from '../ip/index.ts';
import { defaults, withDefaults } from './defaults.ts';
import { durationSeconds } from './duration.ts';
import { revisionOf } from './revision.ts';

test.each([
  ['10.244.0.0/16', 4, '10.244.0.0/16'],
  ['10.244.3.7/16', 4, '10.244.0.0/16'],
  ['0.0.0.0/0', 4, '0.0.0.0/0'],
  ['255.255.255.255/32', 4, '255.255.255.255/32'],
  ['FD00:10:0244::1/64', 6, 'fd00:10:244::/64'],
  ['::/0', 6, '::/0'],
  ['::1/128', 6, '::1/128'],
  ['1:0:0:2:0:0:0:3/128', 6, '1:0:0:2::3/128'],
  ['20:0:0:1:2:0:0:3/128', 6, '20::1:2:0:0:3/128'],
  ['1:0:2:3:4:5:6:7/128', 6, '1:0:2:3:4:5:6:7/128'],
  ['::ffff:192.0.2.128/128', 6, '::ffff:c000:280/128'],
])('%s is the network %s %s', (text, family, canonical) => {
  expect(parseCidr(text)).toEqual({ family, text: canonical });
});

test.each(['', '10.0.0.0', '10.0.0.0/33', '10.0.0/8', '10.0.0.0/08', '::/129', 'fe80::1%eth0/64', '1/2/3', 'x/8'])(
  '"%s" is not a CIDR',
  (text) => expect(parseCidr(text)).toBeUndefined(),
);

test('IPv6 networks are written as the URL standard writes IPv6 addresses', () => {
  const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, (words) => {
      const text = words.map((word) => word.toString(16)).join(':');
      expect(`[${parseCidr(`${text}/128`)?.text.replace('/128', '') ?? ''}]`).toBe(
        new URL(`http://[${text}]`).hostname,
      );
    }),
  );
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
});

test('defaults are kube-proxy’s where it has the field', () => {
  expect(defaults.conntrack).toMatchObject({ maxPerCore: 32768, min: 131072, tcpEstablishedTimeout: '24h' });
});
