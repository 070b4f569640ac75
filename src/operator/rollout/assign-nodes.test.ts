import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LabelSelector, ProxyConfig } from '../../api/index.ts';
import { divide } from './assign-nodes.ts';
import { selects } from '../../kubernetes/index.ts';
import type { CheckedConfig, ClusterNode } from '../cluster/index.ts';

const node = (name: string, labels: Record<string, string> = {}): ClusterNode => ({
  name,
  uid: name,
  labels,
  ready: true,
});

function config(
  name: string,
  o: { priority?: number; created?: string; nodeSelector?: LabelSelector } = {},
): CheckedConfig & { config: ProxyConfig } {
  const { created = '2026-01-01T00:00:00Z', ...spec } = o;
  return { config: { metadata: { name, creationTimestamp: created }, spec }, errors: [] };
}

/** The same config with a spec that makes no sense any more. */
const broken = ({ config: { metadata, spec } }: CheckedConfig): CheckedConfig => ({
  config: { metadata, spec: { priority: spec.priority ?? 0 } },
  errors: [{ path: 'spec.mode', message: 'must be nftables' }],
});

/** Which config a node goes to; `told`: the one that it was told last. */
function winner(configs: CheckedConfig[], labels: Record<string, string> = {}, told?: string): string | undefined {
  const { shares } = divide(configs, [node('n', labels)], () => told);
  return [...shares].find(([, { won }]) => won.length > 0)?.[0];
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
    leaving.config.metadata.deletionTimestamp = '2026-03-01T00:00:00Z';
    expect(winner([leaving, config('all')])).toBe('all');
    expect(winner([leaving])).toBeUndefined();
  });
});

describe('a config whose spec is invalid', () => {
  const all = config('all');
  const first = config('first', { priority: 10 });

  test('wins no node, whatever its priority', () => {
    expect(winner([broken(first), all])).toBe('all');
    expect(winner([broken(first), all], {}, 'all')).toBe('all');
    expect(winner([broken(first)])).toBeUndefined();
  });

  test('loses no node to a config of lower rank that was told an earlier generation of it', () => {
    expect(winner([broken(first), all], {}, 'first')).toBe('first');
    expect(winner([broken(all), first], {}, 'all')).toBe('first');
  });
});

test('a node that nobody governs any more is named, also by the config that it was told last', () => {
  const { shares, uncovered } = divide([config('edge', { nodeSelector: edge })], [node('a'), node('b')], (name) =>
    name === 'a' ? 'edge' : 'gone',
  );
  expect(uncovered).toEqual(['a', 'b']);
  expect(shares.get('edge')?.uncovered).toEqual(['a']);
});

test('a Windows node is nobody’s, and who selects it can name it', () => {
  const { shares, uncovered } = divide(
    [config('all')],
    [node('win', { 'kubernetes.io/os': 'windows' }), node('linux', { 'kubernetes.io/os': 'linux' })],
    () => undefined,
  );
  expect(shares.get('all')).toMatchObject({ won: [{ name: 'linux' }], selected: 2, unsupported: ['win'] });
  expect(uncovered).toEqual([]);
});

test('a node that has no agent is nobody’s, and keeps what it was told', () => {
  const nodes = [node('tainted'), node('other')];
  const { shares, uncovered } = divide(
    [config('all')],
    nodes,
    () => 'all',
    ({ name }) => name !== 'tainted',
  );
  expect(shares.get('all')).toMatchObject({ won: [{ name: 'other' }], unsupported: ['tainted'], uncovered: [] });
  expect(uncovered).toEqual([]);
});

test('a config knows which nodes it selects and which of them it won', () => {
  const nodes = [node('a', { pool: 'edge' }), node('b'), node('c', { pool: 'edge' })];
  const { shares } = divide(
    [config('all'), config('edge', { priority: 1, nodeSelector: edge })],
    nodes,
    () => undefined,
  );
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
      const wonBy = (configs: CheckedConfig[]) => {
        const { shares } = divide(configs, infos, () => undefined);
        return new Map([...shares].flatMap(([by, share]) => share.won.map((each) => [each.name, by])));
      };
      const [won, wonTurned] = [wonBy(all), wonBy(turned)];
      for (const info of infos) {
        const candidates = all.filter(({ config: { spec } }) => selects(spec.nodeSelector, info.labels));
        const best = Math.max(...candidates.map(({ config: { spec } }) => spec.priority ?? 0));
        const winning = all.find(({ config: { metadata } }) => metadata.name === won.get(info.name));
        expect(winning?.config.spec.priority).toBe(candidates.length === 0 ? undefined : best);
        expect(wonTurned.get(info.name)).toBe(won.get(info.name));
      }
    }),
  );
});
