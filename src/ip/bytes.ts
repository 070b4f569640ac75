/** IP family. */
export type Family = 4 | 6;

const zero = 48;
const dot = 46;
const colon = 58;
const letterA = 97;

/** The longest spelling of an address has 45 characters; the rest is room for zeros in front of decimal numbers. */
const longestText = 64;

/**
 * The one reader of addresses: text[start, end) becomes the first 16 bytes of `target`.
 *
 * IPv4 stands in its mapped form `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2), and IPv6 text of that form is IPv4: both
 * spellings mean the same address. IPv6 may be in any spelling of RFC 4291 but without a zone. Decimal numbers may have
 * leading zeros, as Kubernetes lets old objects have them (Go's ParseIP until 1.16, `ParseIPSloppy` since).
 *
 * Written for hundreds of thousands of addresses: nothing is allocated, every character is looked at once or twice.
 *
 * @returns the family; 0 if it is no address, and `target` is then as it was
 */
export function readAddress(text: string, start: number, end: number, target: Uint8Array): Family | 0 {
  if (end - start > longestText) return 0;
  const number = dottedNumber(text, start, end);
  if (number !== -1) {
    target.fill(0, 0, 10);
    target[10] = target[11] = 0xff;
    target[12] = number >>> 24;
    target[13] = number >>> 16;
    target[14] = number >>> 8;
    target[15] = number;
    return 4;
  }
  if (!readGroups(text, start, end)) return 0;
  for (let index = 0; index < 8; index++) {
    const group = groups[index] ?? 0;
    target[2 * index] = group >> 8;
    target[2 * index + 1] = group;
  }
  return isMapped(target, 0) ? 4 : 6;
}

/** The number of four decimal ones up to 255 with dots between; -1 for anything else. */
function dottedNumber(text: string, start: number, end: number): number {
  let number = 0;
  let octet = -1;
  let dots = 0;
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - zero;
    if (digit >= 0 && digit <= 9) {
      octet = octet === -1 ? digit : octet * 10 + digit;
      if (octet > 255) return -1;
    } else if (digit === dot - zero && octet !== -1) {
      number = number * 256 + octet;
      octet = -1;
      dots++;
    } else return -1;
  }
  return dots === 3 && octet !== -1 ? number * 256 + octet : -1;
}

/** The groups of the IPv6 address that is being read, and how many there are. */
const groups = new Uint16Array(8);
let count = 0;

/** Reads an IPv6 address to `groups`. */
function readGroups(text: string, start: number, end: number): boolean {
  count = 0;
  const gap = gapOf(text, start, end);
  if (gap === end) return addGroups(text, start, end, true) && count === 8;
  if (!addGroups(text, start, gap, false)) return false;
  const before = count;
  // `::` stands for at least one group.
  if (!addGroups(text, gap + 2, end, true) || count === 8) return false;
  groups.copyWithin(8 - (count - before), before, count);
  groups.fill(0, before, 8 - (count - before));
  return true;
}

/** Where `::` is, or `end`. */
function gapOf(text: string, start: number, end: number): number {
  const found = text.indexOf('::', start);
  return found === -1 || found > end - 2 ? end : found;
}

/** Adds the groups that text[start, end) lists, none if it is empty; false for nonsense. */
function addGroups(text: string, start: number, end: number, mayEndDotted: boolean): boolean {
  let position = start;
  while (position < end || position > start) {
    const groupEnd = endOfGroup(text, position, end);
    if (groupEnd < end && text.charCodeAt(groupEnd) === dot) {
      return mayEndDotted && addDotted(dottedNumber(text, position, end));
    }
    const value = hexadecimal(text, position, groupEnd);
    if (value === -1 || count === 8) return false;
    groups[count++] = value;
    if (groupEnd === end) return true;
    position = groupEnd + 1;
  }
  return true;
}

function addDotted(number: number): boolean {
  if (number === -1 || count > 6) return false;
  groups[count++] = number >>> 16;
  groups[count++] = number;
  return true;
}

/** Where a group ends: at a colon, a dot or `end`. */
function endOfGroup(text: string, start: number, end: number): number {
  let index = start;
  for (; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code === colon || code === dot) break;
  }
  return index;
}

/** The number of one to four hexadecimal digits; -1 for anything else. */
function hexadecimal(text: string, start: number, end: number): number {
  if (start === end || end - start > 4) return -1;
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = hexadecimalDigit(text.charCodeAt(index));
    if (digit === -1) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function hexadecimalDigit(code: number): number {
  if (code >= zero && code <= zero + 9) return code - zero;
  const letter = (code | 0x20) - letterA;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

/** Whether the 16 bytes at `offset` are an IPv4 address in its mapped form. */
function isMapped(bytes: Uint8Array, offset: number): boolean {
  if (bytes[offset + 10] !== 0xff || bytes[offset + 11] !== 0xff) return false;
  for (let index = 0; index < 10; index++) if (bytes[offset + index] !== 0) return false;
  return true;
}

/** Canonical text of the 4 bytes at `offset`. */
export function formatIpv4(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/**
 * Canonical text of the 16 bytes at `offset`: as RFC 5952 has it, and never with a dotted tail; a mapped IPv4 address
 * as IPv4. The inverse of `readAddress`.
 */
export function formatIpv6(bytes: Uint8Array, offset: number): string {
  if (isMapped(bytes, offset)) return formatIpv4(bytes, offset + 12);
  const [start, end] = longestZeroRun(bytes, offset);
  const before = formatGroups(bytes, offset, offset + start);
  return start === end ? before : `${before}::${formatGroups(bytes, offset + end, offset + 16)}`;
}

function formatGroups(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += 2) {
    if (at > start) text += ':';
    text += (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16);
  }
  return text;
}

/**
 * Which of the 16 bytes `::` stands for: the longest run of at least two zero groups, and the first of equals (RFC
 * 5952, 4.2). [16, 16] if there is none.
 */
function longestZeroRun(bytes: Uint8Array, offset: number): [start: number, end: number] {
  let [from, to] = [16, 16];
  let start = 0;
  for (let at = 0; at <= 16; at += 2) {
    if (at < 16 && bytes[offset + at] === 0 && bytes[offset + at + 1] === 0) continue;
    if (at - start > Math.max(2, to - from)) [from, to] = [start, at];
    start = at + 2;
  }
  return [from, to];
}
