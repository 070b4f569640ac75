import { cidrFault, contains, familyOf, mergePrefixes, parseCidr } from '../ip/index.ts';
import type { Cidr } from '../ip/index.ts';
import type { Maybe } from './objects.ts';
import { items, text } from './read.ts';
import type { ProblemCollector } from './reasons.ts';
import type { Family } from './types.ts';

const families = [4, 6] as const;

/**
 * Who may connect to the load-balancer addresses of a Service, by family, as mergePrefixes writes it. A family without
 * a list admits everybody; one with an empty list admits nobody.
 */
export type SourceRanges = Readonly<Partial<Record<Family, readonly string[]>>>;

/** The addresses of a Service for which its source ranges matter. */
interface Restricted {
  readonly clusterIps: readonly { readonly family: Family }[];
  readonly loadBalancerIps: readonly string[];
}

/**
 * Reads `loadBalancerSourceRanges`: who may connect to the load-balancer addresses.
 *
 * No range at all admits everybody. Otherwise each family by itself admits what is listed of it; a range with prefix
 * length 0 admits everybody of its own family, and says nothing about the other one. A range that cannot be read
 * admits nobody, and never turns the restriction off: a Service all of whose ranges are malformed is closed, because
 * its owner wanted it restricted. For the same reason a family for which no range is given is closed; that is
 * reported, because it may surprise.
 *
 * @returns undefined if everybody is admitted, in both families
 */
export function readSourceRanges(
  list: Maybe<readonly Maybe<string>[]>,
  addresses: Restricted,
  collector: ProblemCollector,
): SourceRanges | undefined {
  const ranges = items(list);
  if (ranges.length === 0) return undefined;
  const good: Cidr[] = [];
  const bad: Maybe<string>[] = [];
  for (const range of ranges) {
    const cidr = parseCidr(text(range).trim());
    if (cidr === undefined) bad.push(range);
    else good.push(cidr);
  }
  reportMalformed(bad, good.length, collector);
  if (good.length > 0) reportClosedFamilies(good, addresses, collector);
  const admitted = families.flatMap((family) => {
    const ofFamily = good.filter((cidr) => cidr.family === family);
    if (ofFamily.some((cidr) => cidr.prefixLength === 0)) return [];
    return [[family, mergePrefixes(ofFamily.map((cidr) => cidr.text))] as const];
  });
  return admitted.length === 0 ? undefined : Object.fromEntries(admitted);
}

/**
 * The ranges as this node has to see them. A node that has a load balancer's address itself, as nodes have for some
 * load balancers, reaches it from that address; so where the ranges admit the node they admit these addresses as well.
 *
 * @param nodeAddresses the node's own, canonical
 * @returns the same object if there is nothing to add
 */
export function admitNode(
  ranges: SourceRanges | undefined,
  loadBalancerIps: readonly string[],
  nodeAddresses: readonly string[],
): SourceRanges | undefined {
  if (ranges === undefined || loadBalancerIps.length === 0) return ranges;
  const widened = families.flatMap((family) => {
    const list = ranges[family];
    const own = nodeAddresses.filter((address) => familyOf(address) === family);
    if (list === undefined || !own.some((address) => contains(list, address))) return [];
    const addresses = loadBalancerIps.filter((address) => familyOf(address) === family);
    return [[family, mergePrefixes([...list, ...addresses])] as const];
  });
  return widened.length === 0 ? ranges : { ...ranges, ...Object.fromEntries(widened) };
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
    const everybody = family === 4 ? '0.0.0.0/0' : '::/0';
    collector.report(
      'NoSourceRangeForFamily',
      `no source range is IPv${family}, so nobody is admitted to ${address}; add a range of that family (${everybody} admits everybody)`,
    );
  }
}
