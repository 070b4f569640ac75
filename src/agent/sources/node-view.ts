import { canonicalAddress, familyOf, parseCidr } from '../../ip/index.ts';

/** The parts of this Node's object that an agent follows. */
export interface NodeView {
  readonly labels: Readonly<Record<string, string>>;
  /** Canonical addresses of type InternalIP, else ExternalIP: the primary ones, at most one per family. */
  readonly primaryAddresses: readonly string[];
  /** Canonical CIDRs of the node's pods. */
  readonly podCIDRs: readonly string[];
  /** Whether load balancers should send traffic here: the Node is neither gone nor about to go (KEP-3836). */
  readonly eligible: boolean;
}

/** Put on a node by the cluster autoscaler before it removes the node. */
const toBeDeletedTaint = 'ToBeDeletedByClusterAutoscaler';

interface RawNode {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string | undefined;
  };
  readonly spec?: {
    readonly podCIDR?: string;
    readonly podCIDRs?: readonly string[];
    readonly taints?: readonly { readonly key?: string }[];
  };
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** Reads a Node as the API server has it; what is malformed is left out. */
export function nodeViewOf(node: RawNode): NodeView {
  const addresses = node.status?.addresses ?? [];
  const ofType = (type: string): string[] =>
    addresses.flatMap((entry) => (entry.type === type ? (canonicalAddress(entry.address) ?? []) : []));
  const candidates = [...ofType('InternalIP'), ...ofType('ExternalIP')];
  const primaryAddresses = ([4, 6] as const).flatMap(
    (family) => candidates.find((address) => familyOf(address) === family) ?? [],
  );
  const cidrs = node.spec?.podCIDRs ?? (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR]);
  return {
    labels: node.metadata?.labels ?? {},
    primaryAddresses,
    podCIDRs: cidrs.flatMap((cidr) => parseCidr(cidr)?.text ?? []),
    eligible:
      node.metadata?.deletionTimestamp === undefined &&
      !(node.spec?.taints ?? []).some(({ key }) => key === toBeDeletedTaint),
  };
}
