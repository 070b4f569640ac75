import type { Element } from '../../nftables/index.ts';
import type { NodeSettings } from '../data-plane.ts';
import { intervalElements } from './intervals.ts';

/** The elements of the interval sets that belong to the node. */
export function nodeElements(settings: NodeSettings): Element[] {
  return [
    ...intervalElements('node_port_addresses', settings.nodePortAddresses),
    ...intervalElements('local_sources', settings.localSources),
    ...intervalElements('service_cidrs', settings.serviceCIDRs),
  ];
}
