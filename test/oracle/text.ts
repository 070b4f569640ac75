import { isIPv4, isIPv6 } from 'node:net';
import type { Family } from '../../src/services/index.ts';

// The oracle's own reading of addresses and networks, by other means than src/services: Node's URL and BigInt.

/** An IP address in canonical text; undefined if it is none. */
export function ipText(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const octets = value.split('.');
  if (octets.length === 4 && octets.every((octet) => /^\d+$/.test(octet) && Number(octet) < 256)) {
    return octets.map(Number).join('.');
  }
  if (!isIPv6(value) || value.includes('%')) return undefined;
  const canonical = new URL(`http://[${value}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(canonical);
  if (mapped === null) return canonical;
  const halves = [mapped[1], mapped[2]].map((half) => Number.parseInt(half ?? '', 16));
  return halves.flatMap((half) => [Math.floor(half / 256), half % 256]).join('.');
}

export function ipFamily(address: string): Family {
  return isIPv4(address) ? 4 : 6;
}

export interface Network {
  readonly family: Family;
  readonly bits: number;
  readonly value: bigint;
}

/** A CIDR with its host bits cleared; undefined if it is none. */
export function network(value: unknown): Network | undefined {
  const match = /^([^/]*)\/(0|[1-9]\d{0,2})$/.exec(typeof value === 'string' ? value.trim() : '');
  const written = match?.[1] ?? '';
  const address = ipText(written);
  // An IPv4-mapped network is refused: nobody can say what its length counts.
  if (address === undefined || (written.includes(':') && ipFamily(address) === 4)) return undefined;
  const family = ipFamily(address);
  const width = family === 4 ? 32 : 128;
  const bits = Number(match?.[2]);
  if (bits > width) return undefined;
  const host = BigInt(width - bits);
  return { family, bits, value: (number(address) >> host) << host };
}

/** The fewest networks with the same addresses, sorted: twins become their parent until there are none. */
export function united(networks: readonly Network[]): string[] {
  const width = (one: Network): number => (one.family === 4 ? 32 : 128);
  const cut = (one: Network, bits: number): bigint => one.value >> BigInt(width(one) - bits);
  const same = (a: Network, b: Network): boolean => a.bits === b.bits && a.value === b.value;
  const inside = (a: Network, b: Network): boolean => a.bits > b.bits && cut(a, b.bits) === cut(b, b.bits);
  const kept = networks.filter(
    (one, index) => !networks.some((other, at) => inside(one, other) || (at < index && same(one, other))),
  );
  for (const one of kept) {
    const twin = kept.find((other) => other.bits === one.bits && cut(other, one.bits) === (cut(one, one.bits) ^ 1n));
    if (twin === undefined) continue;
    const parent = { ...one, bits: one.bits - 1, value: one.value < twin.value ? one.value : twin.value };
    return united([...kept.filter((other) => other !== one && other !== twin), parent]);
  }
  kept.sort((a, b) => (a.value < b.value ? -1 : 1));
  return kept.map((one) => `${addressText(one)}${one.bits === width(one) ? '' : `/${one.bits}`}`);
}

function number(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  const [head = '', tail] = address.split('::');
  const words = (part: string | undefined): string[] => (part ? part.split(':') : []);
  const zeros = new Array<string>(8 - words(head).length - words(tail).length).fill('0');
  return [...words(head), ...zeros, ...words(tail)].reduce((sum, word) => sum * 65536n + BigInt(`0x${word}`), 0n);
}

function addressText({ family, value }: Network): string {
  const groups = family === 4 ? 4 : 8;
  const size = family === 4 ? 8n : 16n;
  const parts = Array.from(
    { length: groups },
    (_, index) => (value >> (size * BigInt(groups - 1 - index))) % (1n << size),
  );
  const written = parts.map((part) => part.toString(family === 4 ? 10 : 16)).join(family === 4 ? '.' : ':');
  return ipText(written) ?? '';
}
