import { addressBytes, canonicalAddress, familyOf, formatAddress } from './address.ts';
import type { Family } from './bytes.ts';
import { cidrFault, parseCidr } from './prefix.ts';

/** An inclusive range of addresses of one family as numbers; IPv4 among IPv6 in its mapped form. */
export interface AddressRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

const bitsOf = { 4: 32, 6: 128 } as const;

/** The number an address is in a family. Throws RangeError. */
export function addressNumber(address: string, family: Family): bigint {
  return bytesNumber(addressBytes(address, family));
}

/** The number that big-endian bytes are. */
function bytesNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

/** Big-endian bytes of an address number. */
export function numberBytes(number: bigint, family: Family): Uint8Array {
  return Uint8Array.from({ length: bitsOf[family] / 8 }, (_, index) =>
    Number((number >> BigInt(bitsOf[family] - 8 - 8 * index)) & 0xffn),
  );
}

/** Canonical text of an address number. */
export function formatNumber(number: bigint, family: Family): string {
  return formatAddress(numberBytes(number, family));
}

/** The highest address number of a family. */
export function lastNumber(family: Family): bigint {
  return (1n << BigInt(bitsOf[family])) - 1n;
}

/**
 * `10.0.0.0/8`, `10.0.0.1` or `10.0.0.1-10.0.0.9` as first and last address. Host bits of a prefix are cleared.
 *
 * @param family whose numbers are asked for; that of the text if left out
 * @throws RangeError that says what is wrong
 */
export function parseRange(text: string, family?: Family): AddressRange {
  if (text.includes('/')) return parsePrefix(text, family);
  const dash = text.indexOf('-');
  const start = dash === -1 ? text : text.slice(0, dash);
  const wanted = family ?? familyOf(canonicalAddress(start) ?? start);
  const first = addressNumber(start, wanted);
  const last = dash === -1 ? first : addressNumber(text.slice(dash + 1), wanted);
  if (first > last) throw new RangeError(`${JSON.stringify(text)} is not a range: it ends before it begins`);
  return { family: wanted, first, last };
}

function parsePrefix(text: string, family: Family | undefined): AddressRange {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new RangeError(`${JSON.stringify(text)} ${cidrFault(text) ?? ''}`);
  const wanted = family ?? cidr.family;
  const first = addressNumber(cidr.text.slice(0, cidr.text.indexOf('/')), wanted);
  const size = 1n << BigInt(bitsOf[cidr.family] - cidr.prefixLength);
  return { family: wanted, first, last: first + size - 1n };
}

/** How many leading bits the addresses of a range share if they are all that share them; undefined if it is no prefix. */
export function prefixLengthOf({ family, first, last }: AddressRange): number | undefined {
  const size = last - first + 1n;
  const hostBits = size.toString(2).length - 1;
  return size === 1n << BigInt(hostBits) && first % size === 0n ? bitsOf[family] - hostBits : undefined;
}

/** The inverse of parseRange, canonical and as nft prints it: an address, a prefix, or else a range. */
export function formatRange(range: AddressRange): string {
  const { family, first, last } = range;
  const start = formatNumber(first, family);
  if (first === last) return start;
  const length = prefixLengthOf(range);
  if (length === undefined) return `${start}-${formatNumber(last, family)}`;
  // Of IPv4 among IPv6: as the IPv4 prefix that it is.
  return `${start}/${length - (bitsOf[family] - bitsOf[familyOf(start)])}`;
}

/**
 * The one merge of ranges: the fewest prefixes that cover the same addresses, sorted, IPv4 before IPv6; single
 * addresses without `/32` or `/128`, as nft prints them.
 *
 * Takes prefixes, addresses and ranges of both families in any order, nested, overlapping, adjacent, given twice.
 * Equal unions are equal texts. Throws RangeError.
 */
export function mergePrefixes(texts: Iterable<string>): string[] {
  const ranges = Array.from(texts, (text) => parseRange(text));
  return ([4, 6] as const)
    .flatMap((family) => union(ranges.filter((range) => range.family === family)))
    .flatMap((range) => prefixesOf(range).map(formatRange));
}

/** Sorted, neither overlapping nor touching. All of one family. */
function union(ranges: readonly AddressRange[]): AddressRange[] {
  const merged: AddressRange[] = [];
  for (const range of ranges.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const previous = merged.at(-1);
    if (previous === undefined || range.first > previous.last + 1n) merged.push(range);
    else if (range.last > previous.last) merged[merged.length - 1] = { ...previous, last: range.last };
  }
  return merged;
}

/** Splits a range into prefixes: always the largest that begins where the one before ended and fits. */
function prefixesOf({ family, first, last }: AddressRange): AddressRange[] {
  const prefixes: AddressRange[] = [];
  for (let next = first; next <= last;) {
    let size = 1n;
    while (next % (size * 2n) === 0n && next + size * 2n - 1n <= last) size *= 2n;
    prefixes.push({ family, first: next, last: next + size - 1n });
    next += size;
  }
  return prefixes;
}

/** Whether an address lies in one of these CIDRs, ranges `a-b` or single addresses. Throws RangeError. */
export function contains(ranges: readonly string[], address: string): boolean {
  const { family, first } = parseRange(address);
  return ranges
    .map((range) => parseRange(range))
    .some((range) => range.family === family && range.first <= first && first <= range.last);
}
