import type { MessageWriter, Payload } from '../../netlink/index.ts';

/**
 * User data: bytes the kernel keeps with an object for whoever listed it. nft writes type-length-value triples (one
 * byte each for type and length) that tell it how to print; numbers are host-endian u32. The types are not the
 * kernel's: source: libnftnl/udata.h, held against what nft 1.0.6 sends.
 */
export const userDataType = {
  /** NFTNL_UDATA_TABLE_COMMENT, NFTNL_UDATA_CHAIN_COMMENT and NFTNL_UDATA_RULE_COMMENT */
  comment: 0,
  /** Ours, of rules: nft skips types that it does not know. */
  ruleFingerprint: 0xf0,
} as const;

const encoder = new TextEncoder();
/** NFTNL_UDATA_COMMENT_MAXLEN, the terminating NUL included. */
const longestComment = 128;

/** Starts a triple whose value is written by the calls that follow; returns what to give to `endTriple`. */
export function beginTriple(writer: MessageWriter, type: number): number {
  writer.u8(type);
  writer.u8(0);
  return writer.length;
}

/** Ends a triple; throws RangeError for one that is too long. */
export function endTriple(writer: MessageWriter, start: number): void {
  const length = writer.length - start;
  if (length > 255) throw new RangeError(`user data holds at most 255 bytes, not ${length}`);
  writer.bytes[start - 1] = length;
}

/** A triple with a number. */
export function numberTriple(writer: MessageWriter, type: number, value: number): void {
  const start = beginTriple(writer, type);
  writer.u32HostEndian(value);
  endTriple(writer, start);
}

/** A triple with a comment; throws RangeError for one that nft would not take (over 127 bytes of UTF-8). */
export function commentTriple(writer: MessageWriter, type: number, text: string): void {
  const bytes = encoder.encode(text);
  if (bytes.length >= longestComment) throw new RangeError(`a comment holds at most 127 bytes: ${text}`);
  const start = beginTriple(writer, type);
  writer.raw(bytes);
  writer.u8(0);
  endTriple(writer, start);
}

/** A triple with raw bytes. */
export function binaryTriple(writer: MessageWriter, type: number, bytes: Uint8Array): void {
  const start = beginTriple(writer, type);
  writer.raw(bytes);
  endTriple(writer, start);
}

/** The user data attribute of an object that has nothing but a comment; none without one. */
export function encodeComment(writer: MessageWriter, attribute: number, text: string | undefined): void {
  if (text === undefined) return;
  const userData = writer.beginAttribute(attribute);
  commentTriple(writer, userDataType.comment, text);
  writer.endAttribute(userData);
}

/** The value of the first triple of a type. */
export function bytesOf(userData: Payload | undefined, type: number): Uint8Array | undefined {
  if (userData === undefined) return undefined;
  let position = 0;
  while (position + 2 <= userData.length) {
    const length = userData.u8(position + 1);
    if (position + 2 + length > userData.length) return undefined;
    if (userData.u8(position) === type) {
      return userData.bytes.slice(userData.start + position + 2, userData.start + position + 2 + length);
    }
    position += 2 + length;
  }
  return undefined;
}

/** The comment in the first triple of a type. */
export function commentOf(userData: Payload | undefined, type: number = userDataType.comment): string | undefined {
  const bytes = bytesOf(userData, type);
  if (bytes === undefined) return undefined;
  const terminator = bytes.indexOf(0);
  return new TextDecoder().decode(terminator === -1 ? bytes : bytes.subarray(0, terminator));
}
