import { addressFault } from './address.ts';
import { formatIpv4, formatIpv6, readAddress } from './bytes.ts';
import type { Family } from './bytes.ts';

/** A network in CIDR notation. */
export interface Cidr {
  /** Canonical text with the host bits cleared, e.g. `10.0.0.0/8`: two equal networks are equal text. */
  readonly text: string;
  readonly family: Family;
  readonly prefixLength: number;
}

/** Leading zeros are not for lengths: nobody ever wrote objects with them, and some would read them as octal. */
const canonicalLength = /^(?:0|[1-9]\d{0,2})$/;

const bytes = new Uint8Array(16);

/**
 * Reads `address/length`; host bits are cleared. Undefined if it is not one, and for an IPv4-mapped IPv6 address with
 * a length, which might count from either beginning; `cidrFault` says why.
 */
export function parseCidr(cidr: string): Cidr | undefined {
  const slash = cidr.indexOf('/');
  const family = slash === -1 ? 0 : familyWritten(cidr.slice(0, slash));
  if (family === 0) return undefined;
  const prefixLength = parsePrefixLength(cidr.slice(slash + 1), family);
  if (prefixLength === undefined) return undefined;
  const offset = family === 4 ? 12 : 0;
  clearHostBits(offset * 8 + prefixLength);
  const address = family === 4 ? formatIpv4(bytes, offset) : formatIpv6(bytes, offset);
  return { text: `${address}/${prefixLength}`, family, prefixLength };
}

/** The number that a prefix length is; undefined if it is none of the family. */
function parsePrefixLength(length: string, family: Family): number | undefined {
  return canonicalLength.test(length) && Number(length) <= (family === 4 ? 32 : 128) ? Number(length) : undefined;
}

/** Reads an address to `bytes`; 0 for one that is written in another family than it is of, too. */
function familyWritten(address: string): Family | 0 {
  const family = readAddress(address, 0, address.length, bytes);
  return family === 4 && address.includes(':') ? 0 : family;
}

function clearHostBits(prefixLength: number): void {
  for (let index = prefixLength >> 3; index < 16; index++) {
    const kept = Math.max(0, prefixLength - index * 8);
    bytes[index] = (bytes[index] ?? 0) & (0xff00 >> kept);
  }
}

/** Why a text is no CIDR, to follow it in a sentence ("is not ..."); undefined if it is one. */
export function cidrFault(text: string): string | undefined {
  if (parseCidr(text) !== undefined) return undefined;
  const slash = text.indexOf('/');
  if (slash === -1) return 'is not a CIDR: it has no prefix length';
  const fault = addressFault(text.slice(0, slash));
  if (fault !== undefined) return fault.replace('an IP address', 'a CIDR');
  if (familyWritten(text.slice(0, slash)) === 0) return 'is not a CIDR: write an IPv4-mapped network as IPv4';
  return `is not a CIDR: ${lengthFault(text.slice(slash + 1), text.includes(':') ? 128 : 32)}`;
}

function lengthFault(length: string, longest: number): string {
  if (/^0\d+$/.test(length)) return 'its prefix length has a leading zero';
  return `its prefix length is not a number up to ${longest}`;
}
