import { canonicalAddress, familyOf } from '../../ip/index.ts';
import { canonicalCidrs } from './networks.ts';
import type { Report } from './networks.ts';
import { fieldsOf, listOf, textOf } from './raw.ts';

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

/** A Node as the API server has it: nothing in it is sure to be what it should be. */
interface RawNode {
  readonly metadata?: unknown;
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** Reads a Node as the API server has it; what is malformed is left out, and a pod CIDR of that kind reported. */
export function nodeViewOf(node: RawNode, report: Report): NodeView {
  const metadata = fieldsOf(node.metadata);
  const spec = fieldsOf(node.spec);
  const addresses = listOf(fieldsOf(node.status)['addresses']).map(fieldsOf);
  const ofType = (type: string): string[] =>
    addresses.flatMap((entry) => (entry['type'] === type ? (canonicalAddress(textOf(entry['address'])) ?? []) : []));
  const candidates = [...ofType('InternalIP'), ...ofType('ExternalIP')];
  const primaryAddresses = ([4, 6] as const).flatMap(
    (family) => candidates.find((address) => familyOf(address) === family) ?? [],
  );
  return {
    labels: labelsOf(metadata['labels']),
    primaryAddresses,
    podCIDRs: canonicalCidrs(spec['podCIDRs'] ?? podCIDROf(spec), report),
    eligible: isEligible(metadata, spec),
  };
}

type Fields = ReturnType<typeof fieldsOf>;

function labelsOf(labels: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(labels)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function podCIDROf({ podCIDR }: Fields): readonly unknown[] {
  return podCIDR === undefined || podCIDR === null ? [] : [podCIDR];
}

function isEligible({ deletionTimestamp }: Fields, { taints }: Fields): boolean {
  const leaving = listOf(taints).some((taint) => fieldsOf(taint)['key'] === toBeDeletedTaint);
  return (deletionTimestamp ?? undefined) === undefined && !leaving;
}
