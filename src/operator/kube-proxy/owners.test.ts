import { describe, expect, test } from 'vitest';
import { ownerOf } from './owners.ts';

describe('kube-proxy’s DaemonSet', () => {
  test.each([
    ['an owner', { ownerReferences: [{ kind: 'Addon', name: 'kube-proxy' }] }, 'Addon kube-proxy'],
    ['the addon manager’s label', { labels: { 'addonmanager.kubernetes.io/mode': 'Reconcile' } }, 'addon manager'],
    ['Helm’s label', { labels: { 'app.kubernetes.io/managed-by': 'Helm' } }, 'Helm'],
    ['Helm’s annotation', { annotations: { 'meta.helm.sh/release-name': 'kube-proxy' } }, 'Helm'],
    ['Argo CD’s annotation', { annotations: { 'argocd.argoproj.io/tracking-id': 'a:apps/DaemonSet:b/c' } }, 'Argo CD'],
    ['Flux’s label', { labels: { 'kustomize.toolkit.fluxcd.io/name': 'system' } }, 'Flux'],
    ['the field manager of the EKS add-on', { managedFields: [{ manager: 'eks', operation: 'Apply' }] }, 'EKS'],
    ['kapp’s label', { labels: { 'kapp.k14s.io/app': '1557433075084066000' } }, 'kapp'],
    [
      'kapp’s annotation',
      { annotations: { 'kapp.k14s.io/identity': 'v1;kube-system/apps/DaemonSet/kube-proxy;apps/v1' } },
      'kapp',
    ],
    ['Terraform’s field manager', { managedFields: [{ manager: 'kubeadm' }, { manager: 'Terraform' }] }, 'Terraform'],
    ['Pulumi’s field manager', { managedFields: [{ manager: 'pulumi-kubernetes' }] }, 'Pulumi'],
    [
      'Pulumi’s field manager of one resource',
      { managedFields: [{ manager: 'pulumi-kubernetes-1a2b3c4d' }] },
      'Pulumi',
    ],
    ['AKS’ label', { labels: { 'kubernetes.azure.com/managedby': 'aks' } }, 'AKS'],
  ])('with %s is somebody’s, and it is said whose', (_mark, metadata, owner) => {
    expect(ownerOf(metadata)).toContain(owner);
  });

  test.each([
    ['kubeadm made', { labels: { 'k8s-app': 'kube-proxy' }, managedFields: [{ manager: 'kubeadm' }] }],
    ['Talos made, which writes it again with an upgrade only', { managedFields: [{ manager: 'talos' }] }],
    ['the addon manager only created', { labels: { 'addonmanager.kubernetes.io/mode': 'EnsureExists' } }],
    [
      'people and controllers wrote',
      { managedFields: [{ manager: 'kubectl-client-side-apply' }, { manager: 'kube-controller-manager' }, {}] },
    ],
  ])('that %s is nobody’s', (_what, metadata) => {
    expect(ownerOf(metadata)).toBeUndefined();
  });
});
