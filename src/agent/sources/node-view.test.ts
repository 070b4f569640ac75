import { describe, expect, test } from 'vitest';
import { nodeViewOf } from './node-view.ts';

const unexpected = (reason: string): never => {
  throw new Error(reason);
};

describe('load balancers should send traffic to a node', () => {
  test.each([
    ['not when it is being deleted', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, false],
    [
      'not when the autoscaler is about to remove it',
      { spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler' }] } },
      false,
    ],
    ['with any other taint', { spec: { taints: [{ key: 'node.kubernetes.io/unschedulable' }] } }, true],
    ['without any', { metadata: {}, spec: {} }, true],
  ])('%s', (_title, node, eligible) => {
    expect(nodeViewOf(node, unexpected).eligible).toBe(eligible);
  });
});

describe('the addresses of a node', () => {
  test('are its internal ones, else its external ones, the first of each family, in canonical text', () => {
    const addresses = [
      { type: 'Hostname', address: 'node-1' },
      { type: 'ExternalIP', address: '192.0.2.1' },
      { type: 'ExternalIP', address: '2001:DB8:0::1' },
      { type: 'InternalIP', address: '10.0.0.1' },
      { type: 'InternalIP', address: '10.0.0.2' },
    ];
    const view = nodeViewOf({ status: { addresses } }, unexpected);
    expect(view.primaryAddresses).toEqual(['10.0.0.1', '2001:db8::1']);
  });

  test('are none where the object has nonsense', () => {
    const node = { status: { addresses: [{ type: 'InternalIP', address: 'ten' }] }, spec: { podCIDRs: ['x'] } };
    const reasons: string[] = [];
    const view = nodeViewOf(node, (reason) => reasons.push(reason));
    expect([view.primaryAddresses, view.podCIDRs]).toEqual([[], []]);
    expect(reasons).toEqual(['"x" is not a CIDR: it has no prefix length']);
  });
});
