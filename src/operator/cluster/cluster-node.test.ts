import { expect, test } from 'vitest';
import { clusterNodeOf, sameNode } from './cluster-node.ts';

test('of a Node only its labels, its identity, its taints and whether it is ready count', () => {
  const raw = {
    metadata: { name: 'node-1', uid: 'uid-1', labels: { pool: 'edge' } },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const node = clusterNodeOf(raw);
  expect(node).toEqual({ name: 'node-1', uid: 'uid-1', labels: { pool: 'edge' }, ready: true });
  expect(sameNode(node, clusterNodeOf(raw))).toBe(true);
  expect(sameNode(node, { ...node, labels: {} })).toBe(false);
  expect(sameNode(node, { ...node, labels: { pool: 'core' } })).toBe(false);
  expect(sameNode(node, { ...node, ready: false })).toBe(false);
  const taints = [{ key: 'dedicated', value: 'edge', effect: 'NoSchedule', timeAdded: '2026-01-01T00:00:00Z' }];
  const tainted = clusterNodeOf({ ...raw, spec: { taints } });
  expect(tainted.taints).toEqual([{ key: 'dedicated', value: 'edge', effect: 'NoSchedule' }]);
  expect(sameNode(node, tainted)).toBe(false);
  expect(clusterNodeOf({ metadata: { name: 'new' } })).toMatchObject({ ready: false, labels: {} });
});
