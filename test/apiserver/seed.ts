import type { ClusterState } from './cluster-state.ts';
import type { KubeObject } from './json.ts';
import { loadObjects } from './load.ts';

function namespace(name: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

/** What a new cluster has from the start: its namespaces and the ServiceCIDR it was made with. */
export function seed(state: ClusterState, serviceCidrs: readonly string[]): void {
  const objects: KubeObject[] = [
    ...['default', 'kube-system', 'kube-public', 'kube-node-lease'].map(namespace),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'kubernetes' },
      spec: { cidrs: [...serviceCidrs] },
      status: {},
    },
  ];
  // A store that outlived its server has them already, perhaps changed.
  loadObjects(
    state,
    objects.filter(({ kind, metadata }) => {
      const resource = kind === 'Namespace' ? '/namespaces' : 'networking.k8s.io/servicecidrs';
      return !state.store.get(resource, metadata.name);
    }),
  );
}
