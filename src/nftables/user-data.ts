import type { FieldType } from './fields.ts';
import type { MessageWriter, Payload } from '../netlink/index.ts';
import type { SetDefinition } from './sets.ts';

/**
 * User data: bytes the kernel keeps with an object for whoever listed it. nft writes type-length-value triples (one
 * byte each for type and length) that tell it how to print. Numbers are host-endian u32.
 * Source: decoded from what nft 1.0.6 sends; libnftnl/udata.h.
 */
export const userDataType = {
  /** Of tables, chains and rules. */
  comment: 0,
  setComment: 7,
  /** Ours, of rules: nft skips types that it does not know. */
  ruleFingerprint: 0xf0,
} as const;

const setType = { keyByteOrder: 0, dataByteOrder: 1, keyTypeof: 3, dataTypeof: 4, dataInterval: 6 } as const;
const byteOrder = { host: 1, bigEndian: 2 } as const;
/** EXPR_* of nft. */
const expressionType = { payload: 7, meta: 9, concat: 13, numgen: 23 } as const;

const encoder = new TextEncoder();
/** nft's own limit, with the terminating NUL. */
const longestComment = 128;

function begin(writer: MessageWriter, type: number): number {
  writer.u8(type);
  writer.u8(0);
  return writer.length;
}

function end(writer: MessageWriter, start: number): void {
  const length = writer.length - start;
  if (length > 255) throw new RangeError(`user data holds at most 255 bytes, not ${length}`);
  writer.bytes[start - 1] = length;
}

function number(writer: MessageWriter, type: number, value: number): void {
  const start = begin(writer, type);
  writer.u32HostEndian(value);
  end(writer, start);
}

/** Writes a comment; throws RangeError for one that nft would not take (over 127 bytes of UTF-8). */
export function comment(writer: MessageWriter, type: number, text: string): void {
  const bytes = encoder.encode(text);
  if (bytes.length >= longestComment) throw new RangeError(`a comment holds at most 127 bytes: ${text}`);
  const start = begin(writer, type);
  writer.raw(bytes);
  writer.u8(0);
  end(writer, start);
}

/** Writes raw bytes. */
export function binary(writer: MessageWriter, type: number, bytes: Uint8Array): void {
  const start = begin(writer, type);
  writer.raw(bytes);
  end(writer, start);
}

/** The value of the first triple of a type. */
export function userDataBytes(userData: Payload, type: number): Uint8Array | undefined {
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

/** A comment. */
export function userDataString(userData: Payload, type: number): string | undefined {
  const bytes = userDataBytes(userData, type);
  if (bytes === undefined) return undefined;
  const terminator = bytes.indexOf(0);
  return new TextDecoder().decode(terminator === -1 ? bytes : bytes.subarray(0, terminator));
}

/** How nft shall print a set: byte orders, comment, and `typeof` where a field has no type name of its own. */
export function setUserData(writer: MessageWriter, set: SetDefinition): void {
  number(writer, setType.keyByteOrder, byteOrderOf(set.key));
  const fields = set.data === 'verdict' ? [] : (set.data ?? []);
  // A verdict has no byte order: nft 1.0.6 aborts when it is told one.
  if (set.data !== undefined) number(writer, setType.dataByteOrder, byteOrderOf(fields));
  if (set.key.includes('slot') || fields.includes('slot')) {
    typeofTriple(writer, setType.keyTypeof, set.key);
    if (fields.length > 0) typeofTriple(writer, setType.dataTypeof, fields);
  }
  if (set.data !== undefined) number(writer, setType.dataInterval, 0);
  if (set.comment !== undefined) comment(writer, userDataType.setComment, set.comment);
}

/** nft gives concatenations no byte order, and nothing else takes a verdict for one value: 0. */
function byteOrderOf(types: readonly FieldType[]): number {
  if (types.length !== 1) return 0;
  return types[0] === 'slot' || types[0] === 'inet_proto' ? byteOrder.host : byteOrder.bigEndian;
}

function typeofTriple(writer: MessageWriter, type: number, fields: readonly FieldType[]): void {
  const triple = begin(writer, type);
  const [only] = fields;
  if (fields.length === 1 && only !== undefined) {
    typeofField(writer, only);
  } else {
    number(writer, 0, expressionType.concat);
    const list = begin(writer, 1);
    fields.forEach((field, index) => {
      const item = begin(writer, index);
      typeofField(writer, field);
      end(writer, item);
    });
    end(writer, list);
  }
  end(writer, triple);
}

/** An expression of the field's type, each two or three numbers: `ip daddr`, `meta l4proto`, `th dport`, ... */
const typeofExpressions: Readonly<Record<FieldType, readonly [type: number, ...numbers: number[]]>> = {
  ipv4_addr: [expressionType.payload, 12, 12],
  ipv6_addr: [expressionType.payload, 13, 9],
  inet_proto: [expressionType.meta, 16],
  inet_service: [expressionType.payload, 11, 2],
  slot: [expressionType.numgen, 1, 65536, 0],
};

function typeofField(writer: MessageWriter, field: FieldType): void {
  const [type, ...numbers] = typeofExpressions[field];
  number(writer, 0, type);
  const data = begin(writer, 1);
  numbers.forEach((value, index) => {
    number(writer, index, value);
  });
  end(writer, data);
}
