import { describe, expect, it } from 'vitest';
import { resourcePath, withQuery } from './paths.ts';

describe('the path of', () => {
  it.each([
    ['a collection of the core group', { version: 'v1', plural: 'services' }, '/api/v1/services'],
    ['an object of the core group', { group: '', version: 'v1', plural: 'nodes', name: 'n1' }, '/api/v1/nodes/n1'],
    [
      'a subresource of a namespaced object',
      {
        group: 'apps',
        version: 'v1',
        plural: 'daemonsets',
        namespace: 'kube-system',
        name: 'x',
        subresource: 'status',
      },
      '/apis/apps/v1/namespaces/kube-system/daemonsets/x/status',
    ],
    [
      'an object whose name is no plain path segment',
      { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles', name: 'system:node' },
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode',
    ],
  ])('%s', (_, location, path) => {
    expect(resourcePath(location)).toBe(path);
  });

  it('a subresource needs an object', () => {
    expect(() => resourcePath({ version: 'v1', plural: 'nodes', subresource: 'status' })).toThrow('needs the name');
  });
});

it('a query is escaped, and leaves out what is undefined', () => {
  expect(withQuery('/x', { labelSelector: '!a,b in (c)', limit: 5, force: false, continue: undefined })).toBe(
    '/x?labelSelector=!a%2Cb%20in%20(c)&limit=5&force=false',
  );
  expect(withQuery('/x', {})).toBe('/x');
});
