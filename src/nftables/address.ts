import { MessageWriter } from '../netlink/index.ts';

const zero = 48;
const dot = 46;
const colon = 58;
const letterA = 97;

/** A text that is not what its field type asks for. */
export class SyntaxFault extends Error {
  override name = 'SyntaxFault';
}

function fault(kind: string, text: string): never {
  throw new SyntaxFault(`not ${kind}: ${JSON.stringify(text)}`);
}

/** Writes the 4 bytes of `10.0.0.1`, which is text[start, end). Throws SyntaxFault. */
export function writeIpv4(writer: MessageWriter, text: string, start: number, end: number): void {
  let word = 0;
  let position = start;
  for (let index = 0; index < 4; index++) {
    const octetEnd = index === 3 ? end : text.indexOf('.', position);
    const octet = octetEnd > end ? -1 : octetOf(text, position, octetEnd);
    if (octet === -1) fault('an IPv4 address', text.slice(start, end));
    word = word * 256 + octet;
    position = octetEnd + 1;
  }
  writer.u32(word);
}

/** The number of one to three decimal digits up to 255; -1 for anything else. */
function octetOf(text: string, start: number, end: number): number {
  const digits = end - start;
  if (digits < 1 || digits > 3) return -1;
  // No leading zeros: some read them as octal.
  if (digits > 1 && text.charCodeAt(start) === zero) return -1;
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - zero;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value > 255 ? -1 : value;
}

/** Groups of the address that is being parsed: kept, because hundreds of thousands are. */
const groups = new Uint16Array(8);

/** Writes the 16 bytes of an IPv6 address in any RFC 4291 spelling, which is text[start, end). */
export function writeIpv6(writer: MessageWriter, text: string, start: number, end: number): void {
  const gap = endOfHead(text, start, end);
  const head = readGroups(text, start, gap, 0, gap === end);
  const count = readGroups(text, Math.min(gap + 2, end), end, head, true);
  // '::' stands for at least one group.
  const valid = gap === end ? count === 8 : count >= 0 && count < 8;
  if (!valid) fault('an IPv6 address', text.slice(start, end));
  for (let index = 0; index < head; index++) writer.u16(groups[index] ?? 0);
  writer.zeros(2 * (8 - count));
  for (let index = head; index < count; index++) writer.u16(groups[index] ?? 0);
}

/** Where `::` is, or `end`. */
function endOfHead(text: string, start: number, end: number): number {
  const found = text.indexOf('::', start);
  return found === -1 || found >= end ? end : found;
}

/**
 * Reads the groups of text[start, end) to `groups` from `count` on; the new count, or a negative one for nonsense.
 * Only the end of an address may be `dotted`.
 */
function readGroups(text: string, start: number, end: number, count: number, dotted: boolean): number {
  if (start === end || count < 0) return count;
  let position = start;
  let next = count;
  for (;;) {
    const groupEnd = endOfGroup(text, position, end);
    if (groupEnd < end && text.charCodeAt(groupEnd) === dot) {
      return dotted ? embedIpv4(text, position, end, next) : -1;
    }
    const value = hexadecimal(text, position, groupEnd);
    if (value === -1 || next === 8) return -1;
    groups[next++] = value;
    if (groupEnd === end) return next;
    position = groupEnd + 1;
  }
}

/** Where the hexadecimal group ends: at a colon, a dot or `end`. */
function endOfGroup(text: string, start: number, end: number): number {
  let index = start;
  while (index < end && text.charCodeAt(index) !== colon && text.charCodeAt(index) !== dot) index++;
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

/** Reads a dotted tail as two groups; the new count, or a negative one. */
function embedIpv4(text: string, start: number, end: number, count: number): number {
  if (count > 6) return -1;
  const writer = new MessageWriter(4);
  writeIpv4(writer, text, start, end);
  const [a = 0, b = 0, c = 0, d = 0] = writer.bytes;
  groups[count] = a * 256 + b;
  groups[count + 1] = c * 256 + d;
  return count + 2;
}

/** `10.0.0.1` of 4 bytes. */
export function formatIpv4(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** RFC 5952 text of 16 bytes, as inet_ntop prints: IPv4-mapped and IPv4-compatible ones with a dotted tail. */
export function formatIpv6(bytes: Uint8Array, offset: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => {
    const at = offset + 2 * index;
    return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  });
  const [runStart, runLength] = longestZeroRun(groups);
  if (runStart === 0 && (runLength === 6 || (runLength === 5 && groups[5] === 0xffff))) {
    return `${runLength === 6 ? '::' : '::ffff:'}${formatIpv4(bytes, offset + 12)}`;
  }
  const text = groups.map((group) => group.toString(16));
  if (runLength < 2) return text.join(':');
  return `${text.slice(0, runStart).join(':')}::${text.slice(runStart + runLength).join(':')}`;
}

/** Start and length of the first longest run of zero groups. */
function longestZeroRun(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [-1, 0];
  let length = 0;
  groups.forEach((group, index) => {
    length = group === 0 ? length + 1 : 0;
    if (length > best[1]) best = [index - length + 1, length];
  });
  return best;
}

/** True for text that can only be IPv6. */
export function isIpv6(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) === colon) return true;
  return false;
}
