import { expect, test } from 'vitest';
import { clusterNodeOf, sameNode } from './cluster-node.ts';

test('of a Node only its labels, its identity and whether it is ready count', () => {
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
  expect(clusterNodeOf({ metadata: { name: 'new' } })).toMatchObject({ ready: false, labels: {} });
});
