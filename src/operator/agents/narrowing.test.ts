import { expect, test } from 'vitest';
import type { ClusterNode } from '../cluster/index.ts';
import { narrowed } from './narrowing.ts';
import { placed, placementIn, placementOf } from './placement.ts';
import type { Placement } from './placement.ts';

const everywhere = placementOf([], undefined);
const edgeOnly = placementOf([], { matchLabels: { pool: 'edge' } });
const nodes = (count: number, labels: Record<string, string> = {}, taints: ClusterNode['taints'] = []): ClusterNode[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ name: `${labels['pool'] ?? 'node'}-${i}`, uid: '', labels, ready: true, taints },
  }));
const edge = nodes(20, { pool: 'edge' });
const told = (all: readonly ClusterNode[], maxUnavailable: number | string = '10%') => [
  { config: 'default', maxUnavailable, nodes: all },
];
const next = (wanted: Placement, ...rest: [Placement | undefined, ReturnType<typeof told>]) =>
  narrowed(wanted, ...rest);

test('agents run where they are to run while no DaemonSet is there, and anywhere more at once', () => {
  expect(next(edgeOnly, undefined, told(nodes(3)))).toEqual({ placement: edgeOnly, refused: new Map() });
  expect(next(everywhere, edgeOnly, told([...edge, ...nodes(3)]))).toEqual({
    placement: everywhere,
    refused: new Map(),
  });
});

test('they go from as many nodes of a ProxyConfig as may be unavailable, and not from more', () => {
  expect(next(edgeOnly, everywhere, told([...edge, ...nodes(2)])).placement).toBe(edgeOnly);
  const { placement, refused } = next(edgeOnly, everywhere, told([...edge, ...nodes(3)]));
  expect(placement).toBe(everywhere);
  expect([...refused]).toEqual([['default', ['node-0', 'node-1', 'node-2']]]);
  expect(next(edgeOnly, everywhere, told([...edge, ...nodes(3)], 3)).placement).toBe(edgeOnly);
});

test('they never go from all nodes of a ProxyConfig, be it a single one', () => {
  expect(next(edgeOnly, everywhere, told(nodes(1), '100%')).placement).toBe(everywhere);
});

test('a ProxyConfig that loses too many keeps those of all others, and only it is told', () => {
  const others = { config: 'other', maxUnavailable: 1, nodes: edge };
  const { placement, refused } = narrowed(edgeOnly, everywhere, [...told(nodes(2)), others]);
  expect(placement).toBe(everywhere);
  expect([...refused.keys()]).toEqual(['default']);
});

test('a toleration that goes counts like a label, and nodes without an agent lose none', () => {
  const gpu = nodes(4, {}, [{ key: 'gpu', effect: 'NoSchedule' }]);
  const narrow = placementOf(
    [{ config: { metadata: { name: 'a' }, spec: { agent: { tolerations: [] } } }, errors: [] }],
    undefined,
  );
  expect(next(narrow, everywhere, told([...edge, ...gpu])).refused.get('default')).toHaveLength(4);
  expect(next(narrow, narrow, told([...edge, ...gpu])).refused.size).toBe(0);
});

test('where the DaemonSet runs them is read back from its template', () => {
  for (const placement of [everywhere, edgeOnly]) {
    const read = placementIn(placed({ spec: {} }, placement));
    expect(read.tolerations).toEqual(placement.tolerations);
    expect(placed({ spec: {} }, read)).toEqual(placed({ spec: {} }, placement));
  }
  expect(placementIn({})).toEqual({ tolerations: [], nodeSelector: undefined });
});
