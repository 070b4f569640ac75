import { describe, expect, test } from 'vitest';
import type { Toleration } from '../../api/index.ts';
import type { CheckedConfig, ClusterNode, Taint } from '../cluster/index.ts';
import { admits, placed, placementOf } from './placement.ts';

const config = (tolerations?: Toleration[]): CheckedConfig => ({
  config: { metadata: { name: 'any' }, spec: tolerations === undefined ? {} : { agent: { tolerations } } },
  errors: [],
});
const node = (taints: Taint[] = [], labels: Record<string, string> = {}): ClusterNode => ({
  ...{ name: 'a', uid: 'a', labels, ready: true, taints },
});
const edge: Taint = { key: 'dedicated', value: 'edge', effect: 'NoExecute' };
const gpu: Taint = { key: 'gpu', effect: 'NoSchedule' };
const toEdge: Toleration = { key: 'dedicated', value: 'edge', effect: 'NoExecute' };

describe('where agents run', () => {
  test('is everywhere, whatever the taints, as long as one ProxyConfig says nothing about it', () => {
    for (const configs of [[], [config()], [config([toEdge]), config()]]) {
      expect(placementOf(configs, undefined).tolerations).toEqual([{ operator: 'Exists' }]);
      expect(admits(placementOf(configs, undefined), node([edge, gpu]))).toBe(true);
    }
  });

  test('is where any ProxyConfig tolerates the taints, once all say something', () => {
    const one = placementOf([config([toEdge]), config([])], undefined);
    expect(admits(one, node([edge]))).toBe(true);
    expect(admits(one, node([edge, gpu]))).toBe(false);
    expect(admits(one, node([{ ...edge, value: 'core' }]))).toBe(false);
    expect(admits(one, node([{ ...edge, effect: 'NoSchedule' }]))).toBe(false);
    const both = placementOf([config([toEdge]), config([{ key: 'gpu', operator: 'Exists' }])], undefined);
    expect(admits(both, node([edge, gpu]))).toBe(true);
  });

  test('does not depend on how a node fares: some become Ready only when Services work', () => {
    const narrow = placementOf([config([])], undefined);
    const taints = ['not-ready', 'unreachable', 'network-unavailable', 'unschedulable'].map((name) => ({
      ...{ key: `node.kubernetes.io/${name}`, effect: 'NoSchedule' },
    }));
    expect(admits(narrow, node(taints))).toBe(true);
    expect(admits(narrow, node([{ key: 'spare', effect: 'PreferNoSchedule' }]))).toBe(true);
  });

  test('is only where labels are as the operator was told', () => {
    const placement = placementOf([config()], {
      matchLabels: { pool: 'edge' },
      matchExpressions: [{ key: 'type', operator: 'NotIn', values: ['virtual-kubelet'] }],
    });
    expect(admits(placement, node([], { pool: 'edge' }))).toBe(true);
    expect(admits(placement, node([], { pool: 'edge', type: 'virtual-kubelet' }))).toBe(false);
    expect(admits(placement, node())).toBe(false);
    expect(placed({ spec: {} }, placement).spec).toMatchObject({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchExpressions: [
                  { key: 'pool', operator: 'In', values: ['edge'] },
                  { key: 'type', operator: 'NotIn', values: ['virtual-kubelet'] },
                ],
              },
            ],
          },
        },
      },
    });
  });

  test('is what is said now, whatever a kept template says', () => {
    const before = placed(
      { spec: { serviceAccountName: 'a' } },
      placementOf([config([])], { matchLabels: { a: 'b' } }),
    );
    expect(placed(before, placementOf([], undefined))).toEqual({
      spec: { serviceAccountName: 'a', tolerations: [{ operator: 'Exists' }] },
    });
  });
});
