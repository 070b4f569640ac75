import { formatIpv4, formatIpv6, readAddress } from './bytes.ts';
import type { Family } from './bytes.ts';

const canonicalIPv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** Where addresses are read to; nothing keeps it from one call to the next. */
const bytes = new Uint8Array(16);

/**
 * The canonical text of an IP address: dotted quad, or IPv6 as RFC 5952 has it without a dotted tail.
 *
 * Leading zeros in IPv4 are tolerated and read as decimal, and an IPv4-mapped IPv6 address is the IPv4 address (see
 * `readAddress`). Undefined for anything else, zone identifiers included; `addressFault` says why.
 */
export function canonicalAddress(address: string): string | undefined {
  if (canonicalIPv4.test(address)) return address;
  const family = readAddress(address, 0, address.length, bytes);
  if (family === 0) return undefined;
  const canonical = formatIpv6(bytes, 0);
  // The string that came with the object is flat; one made of pieces is several heap objects, kept for long.
  return canonical === address ? address : canonical;
}

/** The family of a canonical address, CIDR or range. */
export function familyOf(canonical: string): Family {
  return canonical.includes(':') ? 6 : 4;
}

/**
 * The bytes of an address, most significant first: 4 or 16, or as many as `family` has. IPv4 among IPv6 is in its
 * mapped form.
 *
 * @throws RangeError if it is no address, or IPv6 where IPv4 is asked for
 */
export function addressBytes(address: string, family?: Family): Uint8Array {
  const own = readAddress(address, 0, address.length, bytes);
  if (own === 0) throw new RangeError(`${JSON.stringify(address)} ${addressFault(address) ?? ''}`);
  const wanted = family ?? own;
  if (wanted === 4 && own === 6) throw new RangeError(`${JSON.stringify(address)} is not an IPv4 address`);
  return bytes.slice(wanted === 4 ? 12 : 0);
}

/** Canonical text of 4 or 16 bytes. */
export function formatAddress(address: Uint8Array): string {
  return address.length === 4 ? formatIpv4(address, 0) : formatIpv6(address, 0);
}

/** Why a text is no address, to follow it in a sentence ("is not ..."); undefined if it is one. */
export function addressFault(text: string): string | undefined {
  if (readAddress(text, 0, text.length, bytes) !== 0) return undefined;
  if (text.includes('%')) return 'is not an IP address: a zone (what follows "%") means nothing to another host';
  if (text.includes('/')) return 'is not an IP address: it has a prefix length';
  if (text.split('::').length > 2) return 'is not an IP address: "::" stands in it more than once';
  return 'is not an IP address';
}

/** An address and port for people: `10.244.1.2:8080`, `[fd00::2]:8080`. */
export function placeText({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
