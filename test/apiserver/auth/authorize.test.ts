import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../json.ts';
import { builtins } from '../resources.ts';
import { Store } from '../store/store.ts';
import { isAllowed, nameOf, refusal, verbOf } from './authorize.ts';
import type { Wish } from './authorize.ts';

const agent = { name: 'system:serviceaccount:nftproxy-system:agent', groups: ['system:serviceaccounts'], extra: {} };

function wish(verb: string, plural: string, o: Partial<Wish> = {}): Wish {
  const resource = builtins.find((each) => each.plural === plural);
  if (!resource) throw new Error(plural);
  return { verb, resource, namespace: '', name: '', subresource: '', ...o };
}

function put(store: Store, plural: string, metadata: { name: string; namespace?: string }, fields: object): void {
  const key = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
  const object = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Any', metadata, ...fields } as KubeObject;
  store.put(`rbac.authorization.k8s.io/${plural}`, key, object);
}

/** What an agent may do in one namespace, and in the whole cluster. */
function store(): Store {
  const made = new Store();
  const subjects = [{ kind: 'ServiceAccount', namespace: 'nftproxy-system', name: 'agent' }];
  const [namespace, name] = ['nftproxy-system', 'agent'];
  put(
    made,
    'roles',
    { name, namespace },
    {
      rules: [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'patch'] }],
    },
  );
  put(made, 'rolebindings', { name, namespace }, { subjects, roleRef: { kind: 'Role', name } });
  put(
    made,
    'clusterroles',
    { name },
    {
      rules: [
        { apiGroups: [''], resources: ['services'], verbs: ['list'] },
        { apiGroups: [''], resources: ['nodes/status'], verbs: ['*'], resourceNames: ['node-1'] },
      ],
    },
  );
  put(made, 'clusterrolebindings', { name }, { subjects, roleRef: { kind: 'ClusterRole', name } });
  return made;
}

describe('by RBAC', () => {
  test.each<[string, Wish, boolean]>([
    ['a role holds in its namespace', wish('patch', 'leases', { namespace: 'nftproxy-system', name: 'node-1' }), true],
    ['and in no other', wish('patch', 'leases', { namespace: 'kube-node-lease', name: 'node-1' }), false],
    ['for its verbs alone', wish('get', 'leases', { namespace: 'nftproxy-system', name: 'node-1' }), false],
    ['a cluster role holds everywhere', wish('list', 'services'), true],
    ['... in every namespace, too', wish('list', 'services', { namespace: 'default' }), true],
    ['a subresource is a resource of its own', wish('patch', 'nodes', { name: 'node-1' }), false],
    ['a rule may be for names', wish('patch', 'nodes', { name: 'node-1', subresource: 'status' }), true],
    ['... and then for no others', wish('patch', 'nodes', { name: 'node-2', subresource: 'status' }), false],
  ])('%s', (_story, asked, allowed) => {
    expect(isAllowed(agent, asked, store())).toBe(allowed);
    expect(isAllowed({ ...agent, name: 'system:serviceaccount:default:agent' }, asked, store())).toBe(false);
    expect(isAllowed({ name: 'admin', groups: ['system:masters'], extra: {} }, asked, new Store())).toBe(true);
  });

  test('a list of one object by its name is about that', () => {
    const all = wish('list', 'nodes');
    expect(nameOf(all, 'metadata.name=node-1')).toBe('node-1');
    expect(nameOf(all, 'spec.unschedulable=false,metadata.name==node-1')).toBe('node-1');
    expect(nameOf(all, 'metadata.name!=node-1')).toBe('');
    expect(nameOf(all, null)).toBe('');
    expect(nameOf(wish('get', 'nodes', { name: 'node-2' }), null)).toBe('node-2');
  });

  test('verbs are those of Kubernetes', () => {
    const [one, all] = [wish('', 'nodes', { name: 'a' }), wish('', 'nodes')];
    expect([verbOf('GET', one, false), verbOf('GET', all, false), verbOf('GET', all, true)]).toEqual([
      ...['get', 'list', 'watch'],
    ]);
    expect([verbOf('DELETE', one, false), verbOf('DELETE', all, false)]).toEqual(['delete', 'deletecollection']);
    expect(['POST', 'PUT', 'PATCH'].map((method) => verbOf(method, one, false))).toEqual(['create', 'update', 'patch']);
  });

  test('a refusal has the words of Kubernetes', () => {
    expect(refusal(agent, wish('list', 'nodes'))).toBe(
      `User "${agent.name}" cannot list resource "nodes" in API group "" at the cluster scope`,
    );
  });
});
