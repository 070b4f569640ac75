import { describe, expect, test } from 'vitest';
import { refusalBy } from './policies.ts';

/** The answer to the operator, or another user. */
function refusal(resource: string, oldObject: object, object: object, o: { user?: string; name?: string } = {}) {
  const { user = 'system:serviceaccount:elsewhere:nftproxy-operator', name = 'any' } = o;
  const namespace = resource === 'nodes' ? {} : { namespace: 'kube-system' };
  const request = { resource: { resource }, userInfo: { username: user }, name, ...namespace };
  return refusalBy('nftproxy-operator-parks-only', { object, oldObject, request });
}

const label = 'nftproxy.io/kube-proxy';
const node = (labels: object | undefined, more: object = {}) => ({
  metadata: { name: 'node-1', ...(labels && { labels }) },
  spec: { podCIDR: '10.244.1.0/24' },
  ...more,
});

const withMetadata = <T extends { metadata: object }>(object: T, metadata: object): T => ({
  ...object,
  metadata: { ...object.metadata, ...metadata },
});

const kubeProxy = {
  metadata: { name: 'kube-proxy' },
  spec: {
    template: {
      metadata: { labels: { 'k8s-app': 'kube-proxy' } },
      spec: { containers: [{ name: 'kube-proxy', image: 'kube-proxy:v1.36.0' }], serviceAccountName: 'kube-proxy' },
    },
  },
};
const withSpec = (spec: object) => ({ ...kubeProxy, spec: { ...kubeProxy.spec, ...spec } });
const withPod = (spec: object) => {
  const { template } = kubeProxy.spec;
  return withSpec({ template: { ...template, spec: { ...template.spec, ...spec } } });
};

describe('the policy for what the operator may change', () => {
  test('the operator may label a Node, and nothing else of it', () => {
    expect(refusal('nodes', node({ a: 'b' }), node({ a: 'b', [label]: 'parked' }))).toBeUndefined();
    expect(refusal('nodes', node({ [label]: 'parked' }), node({ [label]: 'restoring' }))).toBeUndefined();
    expect(refusal('nodes', node({ a: 'b', [label]: 'restoring' }), node({ a: 'b' }))).toBeUndefined();
    expect(refusal('nodes', node(undefined), node({ [label]: 'parked' }))).toBeUndefined();
    expect(refusal('nodes', node({ [label]: 'restoring' }), node(undefined))).toBeUndefined();
  });

  test.each([
    ['another label', node({ a: 'b' }), node({ a: 'b', c: 'd' })],
    ['the value of another label', node({ a: 'b' }), node({ a: 'c' })],
    ['another label away', node({ a: 'b' }), node({})],
    ['all labels away', node({ a: 'b' }), node(undefined)],
    ['the spec', node({}), node({}, { spec: { unschedulable: true } })],
    ['annotations', node({}), withMetadata(node({}), { annotations: { a: 'b' } })],
    ['finalizers', node({}), withMetadata(node({}), { finalizers: ['example.io/x'] })],
    ['finalizers away', withMetadata(node({}), { finalizers: ['example.io/x'] }), node({})],
    ['owners', node({}), withMetadata(node({}), { ownerReferences: [{ uid: '1' }] })],
  ])('of a Node it may not change %s', (_what, before, after) => {
    expect(refusal('nodes', before, after)).toMatch(/nothing of a Node but its label/);
    expect(refusal('nodes', before, after, { name: 'nftproxy-agent' })).toMatch(/nothing of a Node but its label/);
  });

  test('it may not give its label of Nodes another meaning', () => {
    expect(refusal('nodes', node({}), node({ [label]: 'away' }))).toMatch(/parked or restoring/);
  });

  test('of kube-proxy it may change the affinity, and what the API server counts goes with it', () => {
    const after = withPod({ affinity: { nodeAffinity: {} } });
    expect(refusal('daemonsets', kubeProxy, after)).toBeUndefined();
    expect(refusal('daemonsets', after, kubeProxy)).toBeUndefined();
    const counted = { generation: 2, annotations: { 'deprecated.daemonset.template.generation': '2' } };
    expect(refusal('daemonsets', kubeProxy, withMetadata(after, counted))).toBeUndefined();
  });

  test.each([
    ['containers', withPod({ containers: [{ name: 'kube-proxy', image: 'else' }] })],
    ['containers before them', withPod({ initContainers: [{ name: 'a', image: 'else' }] })],
    ['volumes', withPod({ volumes: [{ name: 'root', hostPath: { path: '/' } }] })],
    ['the service account', withPod({ serviceAccountName: 'clusterrole-aggregation-controller' })],
    ['the host’s namespaces', withPod({ hostPID: true, hostNetwork: true })],
    ['the nodes', withPod({ nodeSelector: { a: 'b' } })],
    ['the security context', withPod({ securityContext: { runAsUser: 0 } })],
    ['secrets for images', withPod({ imagePullSecrets: [{ name: 's' }] })],
    ['the scheduler', withPod({ schedulerName: 'mine' })],
    ['a field that Kubernetes does not have yet', withPod({ hostOfTomorrow: true })],
    [
      'labels of the Pods',
      withSpec({ template: { metadata: { labels: { a: 'b' } }, spec: kubeProxy.spec.template.spec } }),
    ],
    ['how it is updated', withSpec({ updateStrategy: { type: 'OnDelete' } })],
    ['labels', withMetadata(kubeProxy, { labels: { a: 'b' } })],
    ['annotations', withMetadata(kubeProxy, { annotations: { a: 'b' } })],
    ['finalizers', withMetadata(kubeProxy, { finalizers: ['example.io/x'] })],
    ['owners', withMetadata(kubeProxy, { ownerReferences: [{ uid: '1' }] })],
  ])('of kube-proxy it may not change %s', (_what, after) => {
    expect(refusal('daemonsets', kubeProxy, after)).toMatch(/nothing of a DaemonSet but the affinity/);
    expect(refusal('daemonsets', after, kubeProxy)).toMatch(/nothing of a DaemonSet but the affinity/);
  });

  test('it is about nobody else, nor about the agents in its own namespace', () => {
    const after = withPod({ hostPID: true });
    const user = 'system:serviceaccount:kube-system:nftproxy-operator';
    expect(refusal('daemonsets', kubeProxy, after, { user, name: 'nftproxy-agent' })).toBeUndefined();
    expect(refusal('daemonsets', kubeProxy, after, { name: 'nftproxy-agent' })).toMatch(/nothing of a DaemonSet/);
    expect(refusal('nodes', node({ a: 'b' }), node({}), { user: 'system:node:node-1' })).toBeUndefined();
  });
});
