import { describe, expect, test } from 'vitest';
import { ServiceAllocator } from './admission/allocator.ts';
import { fromNumber, parseCidr, toNumber } from './ip.ts';
import { Store } from './store/store.ts';
import { humanDuration } from './view/age.ts';
import { evaluatePath } from './view/json-path.ts';

describe('addresses', () => {
  test.each(['10.96.0.1', '255.255.255.255', '::', '::1', 'fd00:10:96::', 'fd00:10:96::ffff', '2001:db8:0:1:0:0:0:1'])(
    '%s survives the way to a number and back',
    (address) => {
      const family = address.includes(':') ? 'IPv6' : 'IPv4';
      const text = fromNumber(toNumber(address), family);
      expect(toNumber(text)).toBe(toNumber(address));
    },
  );

  test('IPv6 is written in its short form', () => {
    expect(fromNumber(toNumber('2001:db8:0:1:0:0:0:1'), 'IPv6')).toBe('2001:db8:0:1::1');
    expect(fromNumber(0n, 'IPv6')).toBe('::');
    expect(fromNumber(toNumber('1:0:0:2:0:0:0:3'), 'IPv6')).toBe('1:0:0:2::3');
  });

  test('what is no CIDR is named', () => {
    expect(() => parseCidr('10.0.0.0')).toThrow('not a CIDR: "10.0.0.0"');
    expect(() => parseCidr('10.0.0.0/33')).toThrow('not a CIDR');
  });

  test('a range that is full gives no more addresses, and freed ones come back', () => {
    const store = new Store();
    const allocator = new ServiceAllocator(store, ['10.0.0.0/29']);
    const take = (name: string): string | undefined => {
      const ip = allocator.freeAddress('IPv4');
      const metadata = { name, namespace: 'n' };
      if (ip)
        store.put('/services', `n/${name}`, { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: ip } });
      return ip;
    };
    const taken = ['a', 'b', 'c', 'd', 'e', 'f'].map(take);
    expect(new Set(taken)).toEqual(new Set([1, 2, 3, 4, 5, 6].map((last) => `10.0.0.${last}`)));
    expect(take('g')).toBeUndefined();
    store.delete('/services', 'n/c');
    expect(take('g')).toBe(taken[2]);
  });
});

describe('printer columns', () => {
  const object = {
    metadata: { labels: { 'a.b/c': 'd' } },
    status: {
      list: [1, 2, 3],
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Degraded', status: 'False' },
      ],
    },
  };

  test.each([
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    ['.status.conditions[?(@.type!="Ready")].status', ['False']],
    ['.status.list[0]', [1]],
    ['.status.list[-1]', [3]],
    ['.status.list[*]', [1, 2, 3]],
    [".metadata.labels['a.b/c']", ['d']],
    ['.metadata.labels.a\\.b/c', ['d']],
    ['.status.nope.more', []],
  ])('%s', (path, values) => {
    expect(evaluatePath(object, path)).toEqual(values);
  });

  test('a path outside of the subset is refused, not misread', () => {
    expect(() => evaluatePath(object, '.status..x')).toThrow('unsupported JSONPath');
  });

  test.each([
    [0, '0s'],
    [119, '119s'],
    [200, '3m20s'],
    [600, '10m'],
    [3 * 3600, '3h'],
    [5 * 3600 + 60, '5h1m'],
    [49 * 3600, '2d1h'],
    [40 * 86400, '40d'],
    [3 * 365 * 86400, '3y'],
  ])('an age of %d seconds is shown as %s', (seconds, shown) => {
    expect(humanDuration(seconds * 1000)).toBe(shown);
  });
});
