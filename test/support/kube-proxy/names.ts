import { createHash } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first `length` characters of a text's SHA-256 in base 32: how kube-proxy makes names short and distinct. */
export function shortHash(text: string, length: number): string {
  const bits = [...createHash('sha256').update(text).digest()]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  const digit = (index: number): string => alphabet[Number.parseInt(bits.slice(index * 5, index * 5 + 5), 2)] ?? '';
  return Array.from({ length }, (_, index) => digit(index)).join('');
}

/** An address and a port, as Go's net.JoinHostPort writes them. */
export function joinHostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
