import { Environment } from '@marcbachmann/cel-js';
import { describe, expect, test } from 'vitest';
import { config, find, rendered } from './manifests.ts';

interface Policy {
  matchConditions: { expression: string }[];
  validations: { expression: string; message: string }[];
}

const policy = find(rendered(`${config}/rbac`), 'ValidatingAdmissionPolicy/nftproxy-operator-parks-only')
  .spec as Policy;
const environment = new Environment({ unlistedVariablesAreDyn: true });

/** What an API server answers that has the policy: the first message of those that are not met; undefined if it may be. */
function refusal(resource: string, oldObject: object, object: object, o: { user?: string; name?: string } = {}) {
  const { user = 'system:serviceaccount:elsewhere:nftproxy-operator', name = 'any' } = o;
  const variables = { object, oldObject, request: { resource: { resource }, userInfo: { username: user }, name } };
  const says = (expression: string) => environment.evaluate(expression, variables) === true;
  if (!policy.matchConditions.every(({ expression }) => says(expression))) return undefined;
  return policy.validations.find(({ expression }) => !says(expression))?.message;
}

const label = 'nftproxy.io/kube-proxy';
const node = (labels: object | undefined, more: object = {}) => ({
  metadata: { name: 'node-1', ...(labels && { labels }) },
  spec: { podCIDR: '10.244.1.0/24' },
  ...more,
});

describe('the policy for what the operator may change', () => {
  test('the operator may label a Node, and nothing else of it', () => {
    expect(refusal('nodes', node({ a: 'b' }), node({ a: 'b', [label]: 'parked' }))).toBeUndefined();
    expect(refusal('nodes', node({ [label]: 'parked' }), node({ [label]: 'restoring' }))).toBeUndefined();
    expect(refusal('nodes', node({ a: 'b', [label]: 'restoring' }), node({ a: 'b' }))).toBeUndefined();
    expect(refusal('nodes', node(undefined), node({ [label]: 'parked' }))).toBeUndefined();
    expect(refusal('nodes', node({ [label]: 'restoring' }), node(undefined))).toBeUndefined();
  });

  test.each([
    ['another label', node({ a: 'b' }), node({ a: 'b', c: 'd' }), /no label/],
    ['the value of another label', node({ a: 'b' }), node({ a: 'c' }), /no label/],
    ['another label away', node({ a: 'b' }), node({}), /no label/],
    ['all labels away', node({ a: 'b' }), node(undefined), /no label/],
    ['a word that is none', node({}), node({ [label]: 'away' }), /parked or restoring/],
    ['the spec', node({}), node({}, { spec: { unschedulable: true } }), /nothing of a Node/],
    [
      'annotations',
      node({}),
      node({}, { metadata: { name: 'node-1', labels: {}, annotations: { a: 'b' } } }),
      /nothing of a Node/,
    ],
  ])('it may not change %s', (_what, before, after, message) => {
    expect(refusal('nodes', before, after)).toMatch(message);
  });

  const daemonSet = (spec: object) => ({ metadata: { name: 'kube-proxy' }, spec: { template: { spec } } });
  const containers = [{ name: 'kube-proxy', image: 'kube-proxy:v1.36.0' }];

  test('of kube-proxy it may change the affinity, not what it runs', () => {
    const before = daemonSet({ containers, serviceAccountName: 'kube-proxy' });
    const away = { containers, serviceAccountName: 'kube-proxy', affinity: { nodeAffinity: {} } };
    expect(refusal('daemonsets', before, daemonSet(away))).toBeUndefined();
    for (const spec of [
      { ...away, containers: [{ name: 'kube-proxy', image: 'else' }] },
      { ...away, initContainers: containers },
      { ...away, volumes: [{ name: 'root', hostPath: { path: '/' } }] },
      { ...away, serviceAccountName: 'clusterrole-aggregation-controller' },
    ])
      expect(refusal('daemonsets', before, daemonSet(spec))).toMatch(/what a DaemonSet runs/);
  });

  test('it is about nobody else, nor about the agents', () => {
    const before = daemonSet({ containers });
    const after = daemonSet({ containers: [] });
    expect(refusal('daemonsets', before, after, { name: 'nftproxy-agent' })).toBeUndefined();
    expect(refusal('nodes', node({ a: 'b' }), node({}), { user: 'system:node:node-1' })).toBeUndefined();
  });
});
