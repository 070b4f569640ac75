import { stringify } from 'yaml';
import type { KubeProxyMode } from '../support/kube-proxy/index.ts';

const labels = { 'k8s-app': 'kube-proxy' };
const metadata = { name: 'kube-proxy', namespace: 'kube-system', labels };
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** kube-proxy's DaemonSet as kubeadm makes it; of the node's own files only what a stand-in can use. */
export const kubeProxyDaemonSet = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata,
  spec: {
    selector: { matchLabels: labels },
    updateStrategy: { type: 'RollingUpdate' },
    template: {
      metadata: { labels },
      spec: {
        serviceAccountName: 'kube-proxy',
        hostNetwork: true,
        nodeSelector: { 'kubernetes.io/os': 'linux' },
        priorityClassName: 'system-node-critical',
        tolerations: [{ operator: 'Exists' }],
        containers: [
          {
            name: 'kube-proxy',
            image: 'registry.k8s.io/kube-proxy:v1.36.2',
            command: [
              '/usr/local/bin/kube-proxy',
              '--config=/var/lib/kube-proxy/config.conf',
              '--hostname-override=$(NODE_NAME)',
            ],
            env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } }],
            securityContext: { privileged: true },
            volumeMounts: [{ name: 'kube-proxy', mountPath: '/var/lib/kube-proxy' }],
          },
        ],
        volumes: [{ name: 'kube-proxy', configMap: { name: 'kube-proxy' } }],
      },
    },
  },
};

/**
 * What kubeadm applies to have kube-proxy on every node.
 *
 * @param server of the API server, which is not its ClusterIP: that is what kube-proxy is for
 */
export function kubeadmKubeProxy(mode: KubeProxyMode, server: string): object[] {
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'default', cluster: { 'certificate-authority': `${serviceAccount}/ca.crt`, server } }],
    contexts: [{ name: 'default', context: { cluster: 'default', namespace: 'default', user: 'default' } }],
    'current-context': 'default',
    users: [{ name: 'default', user: { tokenFile: `${serviceAccount}/token` } }],
  };
  const configuration = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    bindAddress: '0.0.0.0',
    bindAddressHardFail: false,
    clientConnection: {
      kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf',
      // What the API server of the tests does not speak, and how it does not list.
      contentType: 'application/json',
    },
    featureGates: { WatchListClient: false },
    clusterCIDR: '10.244.0.0/16,fd00:10:244::/48',
    // The table of connections belongs to the whole machine.
    conntrack: { maxPerCore: 0, min: 0 },
    mode,
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'kube-proxy', namespace: 'kube-system' } },
    ...nodeProxier,
    {
      ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, labels: { app: 'kube-proxy' } } },
      data: { 'config.conf': stringify(configuration), 'kubeconfig.conf': stringify(kubeconfig) },
    },
    kubeProxyDaemonSet,
  ];
}

/** ClusterRole `system:node-proxier`, which a real API server brings itself, and kubeadm's binding. */
const nodeProxier = [
  {
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'kubeadm:node-proxier' } },
    rules: [
      { apiGroups: [''], resources: ['services', 'endpoints', 'nodes'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      { apiGroups: ['networking.k8s.io'], resources: ['servicecidrs'], verbs: ['list', 'watch'] },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'kubeadm:node-proxier' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'kubeadm:node-proxier' },
    subjects: [{ kind: 'ServiceAccount', name: 'kube-proxy', namespace: 'kube-system' }],
  },
];
