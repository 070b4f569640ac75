import { cidrFault, familyOf, mergePrefixes, parseCidr } from '../ip/index.ts';
import type { Cidr } from '../ip/index.ts';
import type { Maybe } from './objects.ts';
import { items, text } from './read.ts';
import type { ProblemCollector } from './reasons.ts';
import type { Family } from './types.ts';

/** The addresses of a Service for which its source ranges matter. */
interface Restricted {
  readonly clusterIps: readonly { readonly family: Family }[];
  readonly loadBalancerIps: readonly string[];
}

/**
 * Reads `loadBalancerSourceRanges`: who may connect to the load-balancer addresses.
 *
 * No range at all, or one with prefix length 0 of either family, admits everybody (undefined). Otherwise only what is
 * listed is admitted, in both families. A range that cannot be read admits nobody, and never turns the restriction
 * off: a Service all of whose ranges are malformed is closed, because its owner wanted it restricted. For the same
 * reason a family for which no range is given is closed (kube-proxy opens it); that is reported, because it may
 * surprise.
 *
 * @returns their union in both families as mergePrefixes writes it; or undefined
 */
export function readSourceRanges(
  list: Maybe<readonly Maybe<string>[]>,
  addresses: Restricted,
  collector: ProblemCollector,
): readonly string[] | undefined {
  const ranges = items(list);
  if (ranges.length === 0) return undefined;
  const good: Cidr[] = [];
  const bad: Maybe<string>[] = [];
  for (const range of ranges) {
    const cidr = parseCidr(text(range).trim());
    if (cidr === undefined) bad.push(range);
    else good.push(cidr);
  }
  const open = good.some((cidr) => cidr.prefixLength === 0);
  reportMalformed(bad, good.length, collector);
  if (!open && good.length > 0) reportClosedFamilies(good, addresses, collector);
  return open ? undefined : mergePrefixes(good.map((cidr) => cidr.text));
}

function reportMalformed(bad: readonly Maybe<string>[], good: number, collector: ProblemCollector): void {
  const effect = good === 0 ? 'no range is left, so nobody is admitted' : 'it admits nobody';
  const fault = cidrFault(text(bad[0]).trim()) ?? '';
  collector.reportAll('InvalidSourceRange', bad, (first) => `source range ${first} ${fault}; ${effect}`);
}

function reportClosedFamilies(good: readonly Cidr[], addresses: Restricted, collector: ProblemCollector): void {
  for (const { family } of addresses.clusterIps) {
    const address = addresses.loadBalancerIps.find((ip) => familyOf(ip) === family);
    if (address === undefined || good.some((cidr) => cidr.family === family)) continue;
    collector.report(
      'NoSourceRangeForFamily',
      `no source range is IPv${family}, so nobody is admitted to ${address}; add a range of that family`,
    );
  }
}
