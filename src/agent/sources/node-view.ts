import { canonicalAddress, familyOf } from '../../ip/index.ts';
import { canonicalCidrs } from './networks.ts';
import type { Report } from './networks.ts';

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

/** Reads a Node as the API server has it; what is malformed is left out, and a pod CIDR of that kind reported. */
export function nodeViewOf(node: RawNode, report: Report): NodeView {
  const addresses = node.status?.addresses ?? [];
  const ofType = (type: string): string[] =>
    addresses.flatMap((entry) => (entry.type === type ? (canonicalAddress(entry.address) ?? []) : []));
  const candidates = [...ofType('InternalIP'), ...ofType('ExternalIP')];
  const primaryAddresses = ([4, 6] as const).flatMap(
    (family) => candidates.find((address) => familyOf(address) === family) ?? [],
  );
  return {
    labels: node.metadata?.labels ?? {},
    primaryAddresses,
    podCIDRs: canonicalCidrs(podCIDRsOf(node.spec), report),
    eligible: isEligible(node),
  };
}

function podCIDRsOf({ podCIDRs, podCIDR }: NonNullable<RawNode['spec']> = {}): readonly string[] {
  return podCIDRs ?? (podCIDR === undefined ? [] : [podCIDR]);
}

function isEligible({ metadata, spec }: RawNode): boolean {
  const leaving = (spec?.taints ?? []).some(({ key }) => key === toBeDeletedTaint);
  return metadata?.deletionTimestamp === undefined && !leaving;
}
