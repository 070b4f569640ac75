import { isIP, isIPv4 } from 'node:net';

export type Family = 'IPv4' | 'IPv6';

export function familyOf(address: string): Family | undefined {
  const family = isIP(address);
  if (family === 0) return undefined;
  return family === 4 ? 'IPv4' : 'IPv6';
}

/** The number an address stands for. The argument must be an IP address. */
export function toNumber(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = '', tail] = embedded(address).split('::');
  const left = head ? head.split(':') : [];
  const right = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** Rewrites a dotted-quad tail (::ffff:1.2.3.4) as two groups. */
function embedded(address: string): string {
  const colon = address.lastIndexOf(':');
  const quad = address.slice(colon + 1);
  if (!quad.includes('.')) return address;
  const value = toNumber(quad);
  return `${address.slice(0, colon + 1)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

/** The canonical text of an address (RFC 5952 for IPv6). */
export function fromNumber(value: bigint, family: Family): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => ((value >> shift) & 0xffn).toString()).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const runs = [...groups.join(':').matchAll(/(?:^|:)(?:0(?::|$)){2,}/g)].sort((a, b) => b[0].length - a[0].length);
  const run = runs[0];
  if (!run) return groups.join(':');
  const text = groups.join(':');
  return `${text.slice(0, run.index)}::${text.slice(run.index + run[0].length)}`;
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
  const [address = '', length = ''] = text.split('/');
  const family = familyOf(address);
  const bits = family === 'IPv4' ? 32 : 128;
  const prefixLength = Number(length);
  if (!family || !/^\d+$/.test(length) || prefixLength > bits) throw new Error(`not a CIDR: "${text}"`);
  const size = 1n << BigInt(bits - prefixLength);
  const value = toNumber(address);
  return { text, family, first: value - (value % size), size, prefixLength };
}

export function contains(cidr: Cidr, address: string): boolean {
  if (familyOf(address) !== cidr.family) return false;
  const offset = toNumber(address) - cidr.first;
  return offset >= 0n && offset < cidr.size;
}
