import { formatIpv4, formatIpv6, isIpv6, SyntaxFault, writeIpv4, writeIpv6 } from './address.ts';
import { MessageWriter } from '../netlink/index.ts';

/** An inclusive range of addresses of one family as numbers. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

export type AddressBits = 32 | 128;

/** The number of an address text. Throws SyntaxFault. */
export function addressNumber(text: string, bits: AddressBits): bigint {
  const writer = new MessageWriter(16);
  if (bits === 32) writeIpv4(writer, text, 0, text.length);
  else writeIpv6(writer, text, 0, text.length);
  return writer.bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

/** Big-endian bytes of an address number. */
export function addressBytes(number: bigint, bits: AddressBits): Uint8Array {
  const bytes = new Uint8Array(bits / 8);
  for (let index = bytes.length - 1, rest = number; index >= 0; index--, rest >>= 8n)
    bytes[index] = Number(rest & 0xffn);
  return bytes;
}

export function bytesNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

export function formatAddress(number: bigint, bits: AddressBits): string {
  const bytes = addressBytes(number, bits);
  return bits === 32 ? formatIpv4(bytes, 0) : formatIpv6(bytes, 0);
}

/**
 * `10.0.0.0/8`, `10.0.0.1` or `10.0.0.1-10.0.0.9` as first and last address. Host bits of a prefix are cleared, as
 * nft does. Throws SyntaxFault.
 */
export function parseRange(text: string, bits: AddressBits): AddressRange {
  const dash = text.indexOf('-');
  if (dash !== -1) {
    const range = { first: addressNumber(text.slice(0, dash), bits), last: addressNumber(text.slice(dash + 1), bits) };
    if (range.first > range.last) throw new SyntaxFault(`not a range of addresses: ${JSON.stringify(text)}`);
    return range;
  }
  const slash = text.indexOf('/');
  const address = addressNumber(slash === -1 ? text : text.slice(0, slash), bits);
  const hostBits = BigInt(bits - (slash === -1 ? bits : parsePrefixLength(text, slash, bits)));
  const first = (address >> hostBits) << hostBits;
  return { first, last: first + (1n << hostBits) - 1n };
}

function parsePrefixLength(text: string, slash: number, bits: AddressBits): number {
  const digits = text.slice(slash + 1);
  const length = /^\d{1,3}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(length <= bits)) throw new SyntaxFault(`not a prefix: ${JSON.stringify(text)}`);
  return length;
}

/** The inverse of parseRange, as nft prints it: an address, a prefix, or else a range. */
export function formatRange(range: AddressRange, bits: AddressBits): string {
  const first = formatAddress(range.first, bits);
  if (range.first === range.last) return first;
  const size = range.last - range.first + 1n;
  const hostBits = size.toString(2).length - 1;
  if (size === 1n << BigInt(hostBits) && range.first % size === 0n) return `${first}/${bits - hostBits}`;
  return `${first}-${formatAddress(range.last, bits)}`;
}

/**
 * The fewest prefixes that cover the same addresses, sorted; hosts without `/32` or `/128`, as nft prints them.
 *
 * An interval set refuses overlaps, so what users list (`10.0.0.0/8` and `10.1.0.0/16`) must pass through here.
 * IPv4 and IPv6 may be mixed: IPv4 comes first. Throws SyntaxFault.
 */
export function mergePrefixes(prefixes: Iterable<string>): string[] {
  const texts = [...prefixes];
  return [
    ...mergeFamily(
      texts.filter((text) => !isIpv6(text)),
      32,
    ),
    ...mergeFamily(texts.filter(isIpv6), 128),
  ];
}

function mergeFamily(texts: readonly string[], bits: AddressBits): string[] {
  const ranges = texts.map((text) => parseRange(text, bits)).sort((a, b) => (a.first < b.first ? -1 : 1));
  const merged: { first: bigint; last: bigint }[] = [];
  for (const range of ranges) {
    const previous = merged.at(-1);
    if (previous === undefined || range.first > previous.last + 1n) merged.push({ ...range });
    else if (range.last > previous.last) previous.last = range.last;
  }
  return merged.flatMap((range) => prefixesOf(range, bits));
}

/** Splits a range into prefixes: always the largest that starts at `first` and fits. */
function prefixesOf(range: AddressRange, bits: AddressBits): string[] {
  const prefixes: string[] = [];
  let first = range.first;
  while (first <= range.last) {
    let size = 1n;
    while (first % (size * 2n) === 0n && first + size * 2n - 1n <= range.last && size < 1n << BigInt(bits)) size *= 2n;
    prefixes.push(formatRange({ first, last: first + size - 1n }, bits));
    first += size;
  }
  return prefixes;
}
