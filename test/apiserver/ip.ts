import {
  addressNumber,
  canonicalAddress,
  cidrFault,
  familyOf as familyOfCanonical,
  formatNumber,
  parseCidr as readCidr,
  parseRange,
} from '../../src/ip/index.ts';

/** Addresses in the API server's words, on the product's one reading of them. */
export type Family = 'IPv4' | 'IPv6';

const numbers = { IPv4: 4, IPv6: 6 } as const;

export function familyOf(address: string): Family | undefined {
  const canonical = canonicalAddress(address);
  return canonical === undefined ? undefined : `IPv${familyOfCanonical(canonical)}`;
}

/** The number an address stands for. The argument must be an IP address. */
export function toNumber(address: string): bigint {
  return addressNumber(address, numbers[familyOf(address) ?? 'IPv6']);
}

/** The canonical text of an address. */
export function fromNumber(value: bigint, family: Family): string {
  return formatNumber(value, numbers[family]);
}

/** A range of addresses such as 10.96.0.0/16. */
export interface Cidr {
  text: string;
  family: Family;
  first: bigint;
  /** How many addresses it has. */
  size: bigint;
  prefixLength: number;
}

/** Throws an Error that names the text when it is not a CIDR. */
export function parseCidr(text: string): Cidr {
  const cidr = readCidr(text);
  if (cidr === undefined) throw new Error(`not a CIDR: "${text}" ${cidrFault(text) ?? ''}`);
  const { first, last } = parseRange(cidr.text);
  return { text, family: `IPv${cidr.family}`, first, size: last - first + 1n, prefixLength: cidr.prefixLength };
}

export function contains(cidr: Cidr, address: string): boolean {
  if (familyOf(address) !== cidr.family) return false;
  const offset = toNumber(address) - cidr.first;
  return offset >= 0n && offset < cidr.size;
}
