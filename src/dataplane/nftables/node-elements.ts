import { familyOf } from '../../ip/index.ts';
import type { Element } from '../../nftables/index.ts';
import type { NodeSettings } from '../data-plane.ts';
import { intervalElements } from './intervals.ts';
import type { SetName } from './sets.ts';

/** The elements of the interval sets that belong to the node. */
export function nodeElements(settings: NodeSettings): Element[] {
  return [
    ...ofBothFamilies('node_port_addresses', settings.nodePortAddresses),
    ...ofBothFamilies('local_sources', settings.localSources),
    ...ofBothFamilies('service_cidrs', settings.serviceCIDRs),
    ...ofBothFamilies('engine_ranges', settings.engineRanges ?? []),
    ...ofBothFamilies('listener_ranges', settings.listenerRanges ?? []),
  ];
}

function ofBothFamilies(name: SetName, ranges: readonly string[]): Element[] {
  return ([4, 6] as const).flatMap((family) =>
    intervalElements(
      `${name}${family}`,
      ranges.filter((range) => familyOf(range) === family),
    ),
  );
}
