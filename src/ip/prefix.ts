import { isIPv4, isIPv6 } from 'node:net';

/** A network: IP family and its canonical text, e.g. `10.244.0.0/16`, `fd00:10:244::/64`. */
export interface Cidr {
  readonly family: 4 | 6;
  readonly text: string;
}

/**
 * Reads a CIDR; undefined if it is none. Host bits are cleared and IPv6 is written as RFC 5952 says, so that two equal
 * networks are equal text.
 */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const bits = Number(length);
  if (isIPv4(address) && bits <= 32) {
    return { family: 4, text: `${formatIPv4(network(readIPv4(address), bits, 32))}/${bits}` };
  }
  if (isIPv6(address) && !address.includes('%') && bits <= 128) {
    return { family: 6, text: `${formatIPv6(network(readIPv6(address), bits, 128))}/${bits}` };
  }
  return undefined;
}

function network(address: bigint, bits: number, width: number): bigint {
  const host = BigInt(width - bits);
  return (address >> host) << host;
}

function readIPv4(address: string): bigint {
  return address.split('.').reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function formatIPv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
}

function readIPv6(address: string): bigint {
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (embedded) {
    const low = readIPv4(embedded[2] ?? '');
    return readIPv6(`${embedded[1] ?? ''}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`);
  }
  const [head = '', tail] = address.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array<string>(zeros).fill('0'), ...right].reduce(
    (value, hex) => (value << 16n) | BigInt(`0x${hex}`),
    0n,
  );
}

function formatIPv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const text = groups.join(':');
  // RFC 5952 4.2: the longest run of two or more zero groups, the first of equals, becomes `::`.
  const runs = text.match(/\b0(:0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  return longest === '' ? text : text.replace(new RegExp(`\\b${longest}\\b`), '::').replace(/:{3,}/, '::');
}
