import { describe, expect, test } from 'vitest';
import type { ClusterNode, Taint } from '../cluster/index.ts';
import { withParking } from './affinity.ts';
import { daemonSetOf } from './kube-proxy.ts';
import { isBack } from './nodes.ts';

/** kube-proxy is to come back to this Node, and has no Pod there. */
const node = (labels: Record<string, string> = {}, taints: Taint[] = []): ClusterNode => ({
  ...{ name: 'edge-1', uid: 'e', ready: true, taints },
  labels: { 'nftproxy.io/kube-proxy': 'restoring', ...labels },
});
const daemonSet = (spec: object) =>
  daemonSetOf({ metadata: { name: 'kube-proxy' }, spec: { selector: {}, template: { spec } } } as never);
const isWaitedFor = (spec: object, given: ClusterNode) =>
  !isBack(given, { kind: 'there', daemonSet: daemonSet(spec), pods: new Map() });

const terms = (...nodeSelectorTerms: object[]) => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
});
const expression = (key: string, operator: string, ...values: string[]) => ({
  matchExpressions: [{ key, operator, ...(values.length > 0 && { values }) }],
});
const edge: Taint = { key: 'dedicated', value: 'edge', effect: 'NoSchedule' };

describe('kube-proxy on its way back', () => {
  test('is waited for where its DaemonSet says nothing of Nodes, and where it has a nodeSelector that they meet', () => {
    expect(isWaitedFor({}, node())).toBe(true);
    expect(isWaitedFor({ nodeSelector: { pool: 'edge' } }, node({ pool: 'edge' }))).toBe(true);
    expect(isWaitedFor({ nodeSelector: { pool: 'edge' } }, node({ pool: 'core' }))).toBe(false);
  });

  test.each([
    ['NotIn', expression('pool', 'NotIn', 'core'), { pool: 'edge' }, { pool: 'core' }],
    ['Exists', expression('pool', 'Exists'), { pool: 'edge' }, {}],
    ['Gt', expression('cores', 'Gt', '4'), { cores: '8' }, { cores: '4' }],
    ['Lt', expression('cores', 'Lt', '4'), { cores: '-1' }, { cores: 'few' }],
    ['Lt without such a label', expression('cores', 'Lt', '4'), { cores: '3' }, {}],
  ])('is waited for where its required node affinity is met: %s', (_operator, term, meets, fails) => {
    for (const affinity of [terms(term), withParking(terms(term))]) {
      expect(isWaitedFor({ affinity }, node(meets))).toBe(true);
      expect(isWaitedFor({ affinity }, node(fails))).toBe(false);
    }
  });

  test('is waited for where one of several alternatives is met, with all that it says', () => {
    const byName = { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['edge-1'] }] };
    const affinity = terms({ ...expression('pool', 'In', 'core'), ...byName }, expression('zone', 'Exists'));
    expect(isWaitedFor({ affinity }, node({ pool: 'core' }))).toBe(true);
    expect(isWaitedFor({ affinity }, { ...node({ pool: 'core' }), name: 'edge-2' })).toBe(false);
    expect(isWaitedFor({ affinity }, node({ zone: 'a' }))).toBe(true);
    expect(isWaitedFor({ affinity: terms({}) }, node())).toBe(false);
  });

  test('is waited for where the affinity is ours alone', () => {
    expect(isWaitedFor({ affinity: withParking(undefined) }, node())).toBe(true);
    expect(isWaitedFor({ affinity: withParking({ podAffinity: {} }) }, node())).toBe(true);
  });

  test.each(['NoSchedule', 'NoExecute'])('is not waited for behind a taint that it does not tolerate: %s', (effect) => {
    const tainted = node({}, [{ ...edge, effect }]);
    expect(isWaitedFor({}, tainted)).toBe(false);
    expect(isWaitedFor({ tolerations: [{ key: 'gpu', operator: 'Exists' }] }, tainted)).toBe(false);
    expect(isWaitedFor({ tolerations: [{ key: 'dedicated', value: 'edge' }] }, tainted)).toBe(true);
    expect(isWaitedFor({ tolerations: [{ operator: 'Exists' }] }, tainted)).toBe(true);
  });

  test('is waited for behind taints that keep no Pod away, or say how the node is', () => {
    expect(isWaitedFor({}, node({}, [{ ...edge, effect: 'PreferNoSchedule' }]))).toBe(true);
    const names = ['not-ready', 'unreachable', 'disk-pressure', 'unschedulable', 'network-unavailable'];
    const taints = names.map((name) => ({ key: `node.kubernetes.io/${name}`, effect: 'NoSchedule' }));
    expect(isWaitedFor({}, node({}, taints))).toBe(true);
  });

  test('is back where a Pod of it is ready, whoever has tainted the node since', () => {
    const seen = { kind: 'there', daemonSet: daemonSet({}), pods: new Map([['edge-1', true]]) } as const;
    expect(isBack(node({}, [edge]), seen)).toBe(true);
  });
});
