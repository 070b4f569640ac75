/** IP family. */
export type Family = 4 | 6;

/** An address as 16-bit groups, most significant first: two for IPv4, eight for IPv6. */
type Groups = readonly number[];

const canonicalIPv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * The canonical text of an IP address: dotted quad, or IPv6 as RFC 5952 has it.
 *
 * Leading zeros in IPv4 are tolerated and read as decimal, and an IPv4-mapped IPv6 address is the IPv4 address, as
 * Go's ParseIP did when such objects were made. Returns undefined for anything else, zone identifiers included.
 */
export function canonicalAddress(address: string): string | undefined {
  if (canonicalIPv4.test(address)) return address;
  const groups = parse(address);
  if (groups === undefined) return undefined;
  const canonical = format(mappedIPv4(groups) ?? groups);
  // The string that came with the object is flat; one made of pieces is several heap objects, kept for long.
  return canonical === address ? address : canonical;
}

/** The family of a canonical address or CIDR. */
export function familyOf(canonical: string): Family {
  return canonical.includes(':') ? 6 : 4;
}

/** A network in CIDR notation. */
export interface Cidr {
  /** Canonical text with the host bits cleared, e.g. `10.0.0.0/8`. */
  readonly text: string;
  readonly family: Family;
  readonly prefixLength: number;
}

/** Reads `address/length`; host bits are cleared. Undefined if it is not one. */
export function parseCidr(cidr: string): Cidr | undefined {
  const slash = cidr.indexOf('/');
  const length = cidr.slice(slash + 1);
  if (slash < 0 || !/^\d{1,3}$/.test(length)) return undefined;
  const groups = parse(cidr.slice(0, slash));
  if (groups === undefined || mappedIPv4(groups) !== undefined) return undefined;
  const prefixLength = Number(length);
  if (prefixLength > groups.length * 16) return undefined;
  return network(groups, prefixLength);
}

/** The networks sorted by their text, without those that lie inside another one: no two of the result overlap. */
export function withoutOverlaps(cidrs: readonly Cidr[]): readonly string[] {
  const known = new Map(cidrs.map((cidr) => [cidr.text, cidr]));
  const lengths = [...new Set(cidrs.map((cidr) => cidr.prefixLength))];
  const outermost = [...known.values()].filter((cidr) => {
    const groups = parse(cidr.text.slice(0, cidr.text.indexOf('/'))) ?? [];
    return !lengths.some((length) => length < cidr.prefixLength && known.has(network(groups, length).text));
  });
  return outermost.map((cidr) => cidr.text).sort();
}

function network(groups: Groups, prefixLength: number): Cidr {
  const masked = groups.map((group, index) => {
    const bits = Math.min(16, Math.max(0, prefixLength - index * 16));
    return group & (0xffff << (16 - bits)) & 0xffff;
  });
  return { text: `${format(masked)}/${prefixLength}`, family: groups.length === 2 ? 4 : 6, prefixLength };
}

function mappedIPv4(groups: Groups): Groups | undefined {
  const mapped = groups.length === 8 && groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  return mapped ? groups.slice(6) : undefined;
}

function parse(address: string): Groups | undefined {
  // The longest text of an IPv6 address has 45 characters; some room for zeros in front of IPv4 numbers.
  if (address.length > 64) return undefined;
  return address.includes(':') ? parseIPv6(address) : parseIPv4(address);
}

function parseIPv4(address: string): Groups | undefined {
  const octets = address.split('.').map((octet) => (/^\d+$/.test(octet) ? Number(octet) : NaN));
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  if (octets.length !== 4 || !octets.every((octet) => octet <= 255)) return undefined;
  return [a * 256 + b, c * 256 + d];
}

function parseIPv6(address: string): Groups | undefined {
  const [first = '', second, ...more] = address.split('::');
  if (more.length > 0) return undefined;
  if (second === undefined) {
    const groups = parseGroups(first, true);
    return groups?.length === 8 ? groups : undefined;
  }
  const head = parseGroups(first, false);
  const tail = parseGroups(second, true);
  if (head === undefined || tail === undefined || head.length + tail.length > 7) return undefined;
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function parseGroups(part: string, mayEndInIPv4: boolean): number[] | undefined {
  if (part === '') return [];
  const groups: number[] = [];
  const words = part.split(':');
  for (const [index, word] of words.entries()) {
    if (/^[\da-f]{1,4}$/i.test(word)) {
      groups.push(Number.parseInt(word, 16));
      continue;
    }
    const embedded = mayEndInIPv4 && index === words.length - 1 ? parseIPv4(word) : undefined;
    if (embedded === undefined) return undefined;
    groups.push(...embedded);
  }
  return groups;
}

function format(groups: Groups): string {
  if (groups.length === 2) return groups.map((group) => `${group >> 8}.${group & 255}`).join('.');
  const { start, length } = longestZeroRun(groups);
  const words = groups.map((group) => group.toString(16));
  if (length < 2) return words.join(':');
  return `${words.slice(0, start).join(':')}::${words.slice(start + length).join(':')}`;
}

/** The run of zero groups that `::` stands for: the longest, and the first of equals (RFC 5952, 4.2). */
function longestZeroRun(groups: Groups): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index++) {
    if (groups[index] === 0) continue;
    if (index - start > longest.length) longest = { start, length: index - start };
    start = index + 1;
  }
  return longest;
}
