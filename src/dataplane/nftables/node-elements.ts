import type { Element } from '../../nftables/index.ts';
import { familyOf } from '../../ip/index.ts';
import type { NodeSettings } from '../data-plane.ts';

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
