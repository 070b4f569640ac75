import type { Metadata } from '../../api/index.ts';

/** What of an object's metadata says that somebody keeps it as it is. */
export interface OwnedMetadata extends Pick<Metadata, 'labels' | 'annotations'> {
  readonly ownerReferences?: { kind: string; name: string }[];
  readonly managedFields?: unknown;
}

/** Keys of labels and annotations by which tools know what is theirs, each with its source. */
const marks: readonly (readonly [key: string, owner: string])[] = [
  // https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/
  ['argocd.argoproj.io/tracking-id', 'Argo CD'],
  ['argocd.argoproj.io/instance', 'Argo CD'],
  // https://fluxcd.io/flux/components/kustomize/kustomizations/, https://github.com/fluxcd/helm-controller/pull/238
  ['kustomize.toolkit.fluxcd.io/name', 'Flux'],
  ['helm.toolkit.fluxcd.io/name', 'Flux'],
  // https://helm.sh/docs/topics/charts_hooks, pkg/action/validate.go
  ['meta.helm.sh/release-name', 'Helm'],
  // kOps, Rancher's and k3s' deploy controllers, k0s, Gardener
  ['addon.kops.k8s.io/name', 'kOps'],
  ['objectset.rio.cattle.io/hash', 'Rancher or k3s'],
  ['k0s.k0sproject.io/stack', 'k0s'],
  ['resources.gardener.cloud/managed-by', 'Gardener'],
  ['kubernetes.azure.com/managedby', 'AKS'],
  // https://carvel.dev/kapp/docs/latest/apply/: on all that it has made
  ['kapp.k14s.io/app', 'kapp'],
  ['kapp.k14s.io/identity', 'kapp'],
];

/**
 * Field managers of those that apply an object again and again. kubeadm and Talos do not: they make kube-proxy when it is not
 * there, and write it with an upgrade of Kubernetes only (https://github.com/siderolabs/talos/issues/12191). EKS:
 * https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-field-management.html; Terraform and OpenTofu:
 * hashicorp/terraform-provider-kubernetes, kubernetes/provider.go, defaultFieldManagerName; Pulumi, alone or with a suffix:
 * https://github.com/pulumi/pulumi-kubernetes/pull/2271
 */
const managers = new Map([
  ['eks', 'the EKS add-on'],
  ['argocd-controller', 'Argo CD'],
  ['kustomize-controller', 'Flux'],
  ['helm-controller', 'Flux'],
  ['helm', 'Helm'],
  ['Terraform', 'Terraform'],
  ['pulumi-kubernetes', 'Pulumi'],
]);

/**
 * Who keeps an object as it is and would undo what others change of it, with what says so; undefined: nobody that is known,
 * as with the DaemonSet that kubeadm makes.
 */
export function ownerOf({
  labels,
  annotations,
  ownerReferences = [],
  managedFields,
}: OwnedMetadata): string | undefined {
  const [owner] = ownerReferences;
  if (owner !== undefined) return `${owner.kind} ${owner.name} (its owner)`;
  const all = { ...annotations, ...labels };
  const mark = marks.find(([key]) => all[key] !== undefined);
  if (mark !== undefined) return `${mark[1]} (${mark[0]}: ${all[mark[0]] ?? ''})`;
  return declared(all) ?? managerOf(managedFields);
}

/** Words that name whoever it is. */
function declared(all: Readonly<Record<string, string>>): string | undefined {
  // Those with mode EnsureExists are anybody's to edit: kubernetes, cluster/addons/addon-manager/README.md.
  const mode = 'addonmanager.kubernetes.io/mode';
  if (all[mode] === 'Reconcile') return `the addon manager (${mode}: Reconcile)`;
  const managedBy = 'app.kubernetes.io/managed-by';
  const name = all[managedBy];
  return name === undefined ? undefined : `${name} (${managedBy}: ${name})`;
}

function managerOf(managedFields: unknown): string | undefined {
  const fields: readonly { manager?: unknown }[] = Array.isArray(managedFields) ? managedFields : [];
  for (const { manager } of fields) {
    const name = String(manager);
    const owner = managers.get(name.replace(/^(pulumi-kubernetes)-.*/, '$1'));
    if (owner !== undefined) return `${owner} (field manager ${name})`;
  }
  return undefined;
}
