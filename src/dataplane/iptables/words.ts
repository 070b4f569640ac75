import { familyOf, mergePrefixes, placeText } from '../../ip/index.ts';
import type { Family, Protocol } from '../../services/index.ts';

/*
 * Rules in the very words of iptables-save, so that what is there can be compared with what is wanted. The order of parts:
 * -s, -d, -i, -p, matches, target.
 */

/** A rule from its parts; an empty part matches everything. */
export function rule(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

/** These ranges in one family, merged, as iptables has them: always with a length. */
export function rangesOf(family: Family, ranges: readonly string[]): string[] {
  return mergePrefixes(ranges)
    .filter((range) => familyOf(range) === family)
    .map(withLength);
}

export function withLength(range: string): string {
  if (range.includes('/')) return range;
  return `${range}/${familyOf(range) === 4 ? 32 : 128}`;
}

const isEverything = (range: string): boolean => range.endsWith('/0');

/** @param range with its length */
export function from(range: string): string {
  return isEverything(range) ? '' : `-s ${range}`;
}

/** @param range with its length */
export function to(range: string): string {
  return isEverything(range) ? '' : `-d ${range}`;
}

/** @param ports one, or `first:last` */
export function toPorts(protocol: Protocol, ports: number | string): string {
  return `-p ${protocol} -m ${protocol} --dport ${ports}`;
}

/**
 * Of a connection that has been translated: where it was addressed to.
 *
 * @param range with its length; undefined: anywhere
 */
export function originally(range: string | undefined, ports?: number | string): string {
  const address = range === undefined || isEverything(range) ? '' : `--ctorigdst ${range.replace(/\/(32|128)$/, '')}`;
  const port = ports === undefined ? '' : `--ctorigdstport ${ports}`;
  const match = rule(address, port);
  return match === '' ? '' : `-m conntrack ${match}`;
}

export const toThisHost = '-m addrtype --dst-type LOCAL';
export const notToThisHost = '-m addrtype ! --dst-type LOCAL';
export const fromThisHost = '-m addrtype --src-type LOCAL';
export const replaceSource = '-j MASQUERADE --random-fully';

export function translate(endpoint: { readonly address: string; readonly port: number }): string {
  return `-j DNAT --to-destination ${placeText(endpoint)}`;
}

/** The kernel keeps a probability as a number of 31 bits (xt_statistic), and iptables prints that. */
const certainty = 2 ** 31;

export function withProbability(probability: number): string {
  const share = Math.round(probability * certainty) / certainty;
  return `-m statistic --mode random --probability ${share.toFixed(11)}`;
}
