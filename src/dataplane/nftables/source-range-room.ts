import { concat, drop, ipSaddr, lookup, verdictMap } from '../../nftables/index.ts';
import type { Family } from '../../services/index.ts';
import { render } from './base-chains.ts';
import { digestOf } from '../digest.ts';
import { frontendFields } from './fields.ts';
import { intervalElements } from './intervals.ts';
import type { Room } from './rooms.ts';
import { requiredDefinition } from './sets.ts';

/**
 * The ranges of loadBalancerSourceRanges, once for all Services that name the same: their set and the chain that lets
 * only them go on to the Service. A set of its own, as it costs the kernel little to search and to fill one of addresses
 * alone; and a list that changes becomes another room, that is complete before anybody is sent there.
 */
export function sourceRangeRoom(family: Family, ranges: readonly string[]): Room {
  const digest = digestOf(ranges.join(' '));
  const name = `firewall${family}_${digest}`;
  const set = `sources${family}_${digest}`;
  return {
    name,
    version: '',
    kept: false,
    sets: [requiredDefinition(set)],
    elements: () => intervalElements(set, ranges),
    chains: () => [
      render({ name, comment: 'loadBalancerSourceRanges' }, [
        [
          '',
          lookup(ipSaddr(family), set),
          verdictMap(concat(...frontendFields(family, false)), `allowed_services${family}`),
        ],
        ['source not allowed', drop()],
      ]),
    ],
  };
}
