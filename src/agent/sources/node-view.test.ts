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

describe('a Node that no API server of today would take', () => {
  test.each([
    ['nothing in it', {}],
    ['null everywhere', { metadata: null, spec: null, status: null }],
    ['texts where lists are expected', { spec: { podCIDRs: '', taints: 'x' }, status: { addresses: {} } }],
    ['null in its lists', { spec: { taints: [null] }, status: { addresses: [null] } }],
    ['an address that is no text', { status: { addresses: [{ type: 'InternalIP', address: {} }] } }],
    ['a label that is no text', { metadata: { labels: { zone: 1 } } }],
  ])('is a node without addresses and pods: %s', (_title, node) => {
    expect(nodeViewOf(node, unexpected)).toEqual({ labels: {}, primaryAddresses: [], podCIDRs: [], eligible: true });
  });

  test('has its strange pod CIDRs reported', () => {
    const reported: string[] = [];
    const { podCIDRs } = nodeViewOf({ spec: { podCIDRs: [3, '10.0.0.0/8'] } }, (reason) => reported.push(reason));
    expect(podCIDRs).toEqual(['10.0.0.0/8']);
    expect(reported).toEqual([expect.stringContaining('3 ')]);
  });
});
