import type { Element } from '../../nftables/index.ts';
import { familyOf } from '../../ip/index.ts';
import type { SkeletonSettings } from './base-chains.ts';

/** What the table holds about the node and the cluster as a whole, apart from Services. CIDRs in canonical text. */
export interface NodeSettings extends SkeletonSettings {
  /** Ranges of this node's own addresses at which NodePorts answer; single addresses as /32 or /128. */
  readonly nodePortAddresses: readonly string[];
  /** Ranges of pods, for a detector by source address. */
  readonly localSources: readonly string[];
  /** Ranges from which ClusterIPs are allocated. */
  readonly serviceCIDRs: readonly string[];
}

/** The elements of the interval sets that belong to the node. */
export function nodeElements(settings: NodeSettings): Element[] {
  const inSet = (name: string, ranges: readonly string[]): Element[] =>
    ranges.map((range) => ({ set: `${name}${familyOf(range)}`, key: range }));
  return [
    ...inSet('node_port_addresses', settings.nodePortAddresses),
    ...inSet('local_sources', settings.localSources),
    ...inSet('service_cidrs', settings.serviceCIDRs),
  ];
}
