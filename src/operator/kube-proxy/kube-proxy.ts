import type { LabelSelector, Toleration } from '../../api/index.ts';
import type { KubernetesObject } from '../../kubernetes/index.ts';
import { hasParking, keepsAway } from './affinity.ts';
import type { Affinity } from './affinity.ts';
import { ownerOf } from './owners.ts';

/** What is kept of kube-proxy's DaemonSet. */
export interface KubeProxyDaemonSet {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Of its Pods; never changes. */
  readonly selector: LabelSelector;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly affinity: Affinity | undefined;
  readonly tolerations: readonly Toleration[];
  /** Its Pods stay away from Nodes that are labelled so. */
  readonly keepsAway: boolean;
  /** We have put something into its affinity. */
  readonly changed: boolean;
  /** Who would undo our changes; undefined if nobody. */
  readonly owner: string | undefined;
}

/** A Pod of kube-proxy. */
export interface KubeProxyPod {
  readonly node: string | undefined;
  readonly ready: boolean;
}

/** apps/v1 DaemonSet, as far as it is read. */
interface DaemonSet extends KubernetesObject {
  spec?: {
    selector?: LabelSelector;
    template?: { spec?: PodSpec };
  };
}

/** core/v1 PodSpec, as far as it is read. */
interface PodSpec {
  affinity?: Affinity;
  nodeSelector?: Record<string, string>;
  tolerations?: Toleration[];
}

/** core/v1 Pod, as far as it is read. */
interface Pod extends KubernetesObject {
  spec?: { nodeName?: string };
  status?: { conditions?: { type: string; status: string }[] };
}

export function daemonSetOf(raw: KubernetesObject): KubeProxyDaemonSet {
  const { metadata, spec }: DaemonSet = raw;
  const podSpec = spec?.template?.spec ?? {};
  return {
    ...{ uid: metadata.uid ?? '', resourceVersion: metadata.resourceVersion ?? '' },
    ...{ selector: spec?.selector ?? {}, ...placeOf(podSpec) },
    ...{ keepsAway: keepsAway(podSpec.affinity), changed: hasParking(podSpec.affinity), owner: ownerOf(metadata) },
  };
}

/** What says on which Nodes its Pods are to be. */
function placeOf({
  affinity,
  nodeSelector = {},
  tolerations = [],
}: PodSpec): Pick<KubeProxyDaemonSet, 'affinity' | 'nodeSelector' | 'tolerations'> {
  return { affinity, nodeSelector, tolerations };
}

export function podOf(raw: KubernetesObject): KubeProxyPod {
  const { metadata, spec, status }: Pod = raw;
  const ready = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  return { node: spec?.nodeName, ready: ready && metadata.deletionTimestamp === undefined };
}

/** What is known of kube-proxy in the cluster. */
export type SeenKubeProxy =
  /** Nothing yet, or nothing any more; `trouble` if it cannot be looked at. */
  | { readonly kind: 'unknown'; readonly trouble?: string }
  /** There is no such DaemonSet. */
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'there';
      readonly daemonSet: KubeProxyDaemonSet;
      /** Nodes with a Pod of it, also one that is ending; whether it is ready. */
      readonly pods: ReadonlyMap<string, boolean>;
    };
