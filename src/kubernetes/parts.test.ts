import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../runtime/index.ts';
import { microTime } from './clock.ts';
import { compareVersions, ConsistencyCheck } from './reflector/index.ts';
import { LineSplitter, resourcePath, withQuery } from './client/index.ts';

describe('paths', () => {
  it.each([
    [{ version: 'v1', plural: 'services' }, '/api/v1/services'],
    [{ group: '', version: 'v1', plural: 'nodes', name: 'n1' }, '/api/v1/nodes/n1'],
    [
      {
        group: 'apps',
        version: 'v1',
        plural: 'daemonsets',
        namespace: 'kube-system',
        name: 'x',
        subresource: 'status',
      },
      '/apis/apps/v1/namespaces/kube-system/daemonsets/x/status',
    ],
    [
      { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles', name: 'system:node' },
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode',
    ],
  ])('%j', (location, path) => {
    expect(resourcePath(location)).toBe(path);
  });

  it('a subresource needs an object', () => {
    expect(() => resourcePath({ version: 'v1', plural: 'nodes', subresource: 'status' })).toThrow('needs the name');
  });

  it('a query is escaped, and leaves out what is undefined', () => {
    expect(withQuery('/x', { labelSelector: '!a,b in (c)', limit: 5, force: false, continue: undefined })).toBe(
      '/x?labelSelector=!a%2Cb%20in%20(c)&limit=5&force=false',
    );
    expect(withQuery('/x', {})).toBe('/x');
  });
});

describe('lines', () => {
  it('come out whole, however the bytes are cut', () => {
    const text = fc.array(fc.string({ unit: 'grapheme', minLength: 1 }).map((line) => line.replaceAll('\n', '·')));
    fc.assert(
      fc.property(
        text,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        fc.boolean(),
        (lines, cuts, ended) => {
          const bytes = Buffer.from(lines.join('\n') + (ended ? '\n' : ''));
          const splitter = new LineSplitter();
          const found: string[] = [];
          for (let start = 0, i = 0; start < bytes.length; i += 1) {
            const end = start + cuts[i % cuts.length]!;
            found.push(...splitter.push(bytes.subarray(start, end)));
            start = end;
          }
          const rest = splitter.rest();
          if (rest !== '') found.push(rest);
          expect(found).toEqual(lines);
        },
      ),
    );
  });
});

describe('back-off', () => {
  it('doubles, spreads by half, and is never above its limit', () => {
    const longest = new Backoff({ firstSeconds: 0.8, maxSeconds: 30 }, () => 0.999);
    const shortest = new Backoff({ firstSeconds: 0.8, maxSeconds: 30 }, () => 0);
    expect(Array.from({ length: 7 }, () => Math.round(longest.next() * 10) / 10)).toEqual([
      1.2, 2.4, 4.8, 9.6, 19.2, 30, 30,
    ]);
    expect(Array.from({ length: 7 }, () => shortest.next())).toEqual([0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15]);
    shortest.reset();
    expect(shortest.next()).toBe(0.4);
  });
});

describe('resource versions', () => {
  it('compare as numbers of any length', () => {
    expect(compareVersions('9', '10')).toBeLessThan(0);
    expect(compareVersions('90071992547409931', '90071992547409930')).toBeGreaterThan(0);
    expect(compareVersions('5', '5')).toBe(0);
  });

  it('that are not numbers compare to nothing, so the check neither hides events nor accuses the watch', () => {
    expect(compareVersions('a', 'b')).toBeNaN();
    const check = new ConsistencyCheck();
    check.repaired(['default/a'], 'opaque');
    expect(check.isStale('default/a', 'other')).toBe(false);
    expect(check.verdict('third')).toBeUndefined();
  });
});

it('MicroTime has six decimals', () => {
  expect(microTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe('2026-01-02T03:04:05.006000Z');
});
