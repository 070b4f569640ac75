import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LabelSelector, ProxyConfig } from '../../api/index.ts';
import { sharesOf, winnerOf } from './assign-nodes.ts';
import { selects } from '../../kubernetes/index.ts';
import type { ClusterNode } from '../cluster/index.ts';

const node = (name: string, labels: Record<string, string> = {}): ClusterNode => ({
  name,
  uid: name,
  labels,
  ready: true,
});

function config(
  name: string,
  o: { priority?: number; created?: string; nodeSelector?: LabelSelector } = {},
): ProxyConfig {
  const { created = '2026-01-01T00:00:00Z', ...spec } = o;
  return { metadata: { name, creationTimestamp: created }, spec };
}

const edge: LabelSelector = { matchLabels: { pool: 'edge' } };

describe('a label selector', () => {
  const labels = { pool: 'edge', zone: 'a', empty: '' };
  test.each<[string, LabelSelector | undefined, boolean]>([
    ['that is not there selects everything', undefined, true],
    ['without requirements selects everything', {}, true],
    ['by label that fits', { matchLabels: { pool: 'edge', zone: 'a' } }, true],
    ['by labels of which one does not fit', { matchLabels: { pool: 'edge', zone: 'b' } }, false],
    ['by an empty value', { matchLabels: { empty: '' } }, true],
    ['by an empty value of a missing label', { matchLabels: { other: '' } }, false],
    ['In', { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }] }, true],
    ['In, missing label', { matchExpressions: [{ key: 'x', operator: 'In', values: ['a'] }] }, false],
    ['NotIn', { matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }, false],
    ['NotIn, missing label', { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['a'] }] }, true],
    ['Exists', { matchExpressions: [{ key: 'empty', operator: 'Exists' }] }, true],
    ['DoesNotExist', { matchExpressions: [{ key: 'pool', operator: 'DoesNotExist' }] }, false],
    ['labels and expressions', { ...edge, matchExpressions: [{ key: 'zone', operator: 'In', values: ['b'] }] }, false],
  ])('%s', (_story, selector, expected) => {
    expect(selects(selector, labels)).toBe(expected);
  });
});

describe('a node goes to', () => {
  const winner = (configs: ProxyConfig[], labels = {}): string | undefined =>
    winnerOf(configs, node('n', labels))?.metadata.name;

  test('the config of highest priority that selects it', () => {
    const configs = [
      config('all'),
      config('edge', { priority: 10, nodeSelector: edge }),
      config('low', { priority: -1 }),
    ];
    expect(winner(configs, { pool: 'edge' })).toBe('edge');
    expect(winner(configs)).toBe('all');
  });

  test('of equal priorities to the oldest, then to the first by name', () => {
    const young = config('a', { created: '2026-02-01T00:00:00Z' });
    expect(winner([young, config('c'), config('b')])).toBe('b');
    expect(winner([young])).toBe('a');
  });

  test('nobody if nobody selects it, and not to a config that is being deleted', () => {
    expect(winner([config('edge', { nodeSelector: edge })])).toBeUndefined();
    const leaving = config('leaving', { priority: 5 });
    leaving.metadata.deletionTimestamp = '2026-03-01T00:00:00Z';
    expect(winner([leaving, config('all')])).toBe('all');
    expect(winner([leaving])).toBeUndefined();
  });
});

test('a config knows which nodes it selects and which of them it won', () => {
  const nodes = [node('a', { pool: 'edge' }), node('b'), node('c', { pool: 'edge' })];
  const shares = sharesOf([config('all'), config('edge', { priority: 1, nodeSelector: edge })], nodes);
  const names = (name: string) => shares.get(name)?.won.map((won) => won.name);
  expect(names('edge')).toEqual(['a', 'c']);
  expect(names('all')).toEqual(['b']);
  expect(shares.get('all')?.selected).toBe(3);
});

test('every node has the same winner whatever the order of events, and nobody outranks it', () => {
  const configs = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      priority: fc.constantFrom(0, 0, 1, -1),
      created: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
      nodeSelector: fc.constantFrom({}, edge),
    }),
    { selector: ({ name }) => name },
  );
  const nodes = fc.uniqueArray(
    fc.record({ name: fc.constantFrom('x', 'y', 'z'), pool: fc.constantFrom('edge', 'core') }),
    {
      selector: ({ name }) => name,
    },
  );
  fc.assert(
    fc.property(configs, nodes, fc.nat(), (given, machines, seed) => {
      const all = given.map(({ name, ...rest }) => config(name, rest));
      const turned = [...all.slice(seed % (all.length + 1)), ...all.slice(0, seed % (all.length + 1))];
      const infos = machines.map(({ name, pool }) => node(name, { pool }));
      const won = new Map(
        [...sharesOf(turned, infos)].flatMap(([by, share]) => share.won.map((each) => [each.name, by])),
      );
      for (const info of infos) {
        const candidates = all.filter(({ spec }) => selects(spec.nodeSelector, info.labels));
        const best = Math.max(...candidates.map(({ spec }) => spec.priority ?? 0));
        const winner = winnerOf(all, info);
        expect(winner?.spec.priority).toBe(candidates.length === 0 ? undefined : best);
        expect(winnerOf(turned, info)).toBe(winner);
        expect(won.get(info.name)).toBe(winner?.metadata.name);
      }
    }),
  );
});
