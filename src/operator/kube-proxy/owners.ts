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
];

/**
 * Field managers of those that apply an object again and again; kubeadm writes kube-proxy once, and with each upgrade. EKS:
 * https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-field-management.html
 */
const managers: Readonly<Record<string, string>> = {
  eks: 'the EKS add-on',
  'argocd-controller': 'Argo CD',
  'kustomize-controller': 'Flux',
  'helm-controller': 'Flux',
  helm: 'Helm',
};

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
  const names = fields.map(({ manager }) => String(manager));
  const found = names.find((name) => Object.hasOwn(managers, name));
  return found === undefined ? undefined : `${managers[found] ?? found} (field manager ${found})`;
}
