import { SyntaxFault, writeIpv4, writeIpv6 } from '../address.ts';
import { formatIpv4, formatIpv6, protocolName, protocolNumber } from '../../ip/index.ts';
import { hostIsLittleEndian } from '../../netlink/index.ts';
import type { MessageWriter } from '../../netlink/index.ts';

/**
 * What a field of a key or of data holds, by nft's names. `slot` is a host-endian u32: the type of `numgen` and
 * `jhash`, which nft can only declare by `typeof`.
 */
export type FieldType = 'ipv4_addr' | 'ipv6_addr' | 'inet_proto' | 'inet_service' | 'slot';

interface FieldFormat {
  /** nft's number of the data type; six bits of each field make the type of a concatenation. */
  readonly typeId: number;
  /** Bytes. In a concatenation each field takes a multiple of four. */
  readonly length: number;
  /** Writes the unpadded bytes of text[start, end). Throws SyntaxFault. */
  readonly write: (writer: MessageWriter, text: string, start: number, end: number) => void;
  /** Text as `nft list` prints it. */
  readonly format: (bytes: Uint8Array, view: DataView, offset: number) => string;
}

/** A kind of numbers from 0, for errors. */
interface NumberKind {
  readonly name: string;
  readonly maximum: number;
}

const port: NumberKind = { name: 'a port', maximum: 0xffff };
const slotNumber: NumberKind = { name: 'a slot number', maximum: 0xffff_ffff };

function parseNumber(text: string, start: number, end: number, kind: NumberKind): number {
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - 48;
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN;
  }
  if (start === end || !(value <= kind.maximum))
    throw new SyntaxFault(`not ${kind.name}: ${JSON.stringify(text.slice(start, end))}`);
  return value;
}

const formats: Readonly<Record<FieldType, FieldFormat>> = {
  ipv4_addr: { typeId: 7, length: 4, write: writeIpv4, format: (bytes, _, offset) => formatIpv4(bytes, offset) },
  ipv6_addr: { typeId: 8, length: 16, write: writeIpv6, format: (bytes, _, offset) => formatIpv6(bytes, offset) },
  inet_proto: {
    typeId: 12,
    length: 1,
    write: (writer, text, start, end) => {
      const protocol = text.slice(start, end);
      const number = protocolNumber(protocol);
      if (number === undefined) throw new SyntaxFault(`not an IP protocol: ${JSON.stringify(protocol)}`);
      writer.u8(number);
    },
    format: (_, view, offset) => protocolName(view.getUint8(offset)),
  },
  inet_service: {
    typeId: 13,
    length: 2,
    write: (writer, text, start, end) => {
      writer.u16(parseNumber(text, start, end, port));
    },
    format: (_, view, offset) => String(view.getUint16(offset)),
  },
  slot: {
    typeId: 4,
    length: 4,
    write: (writer, text, start, end) => {
      writer.u32HostEndian(parseNumber(text, start, end, slotNumber));
    },
    format: (_, view, offset) => String(view.getUint32(offset, hostIsLittleEndian)),
  },
};

const typesById = new Map(Object.entries(formats).map(([type, { typeId }]) => [typeId, type as FieldType]));

/** Bytes of one value of a type, without padding. */
export function fieldLength(type: FieldType): number {
  return formats[type].length;
}

/** Bytes a field takes in a concatenation: padded to the 4-byte registers of the kernel. */
export function paddedLength(type: FieldType): number {
  return (formats[type].length + 3) & ~3;
}

/** Bytes of a key or of data: padded only if there are several fields, as the kernel does it. */
export function keyLength(types: readonly FieldType[]): number {
  const [only] = types;
  if (types.length === 1 && only !== undefined) return fieldLength(only);
  return types.reduce((sum, type) => sum + paddedLength(type), 0);
}

/** nft's number for a type or a concatenation of types. Throws RangeError for more than five: six bits each. */
export function typeNumber(types: readonly FieldType[]): number {
  if (types.length < 1 || types.length > 5) throw new RangeError(`a key has one to five fields, not ${types.length}`);
  // Multiplication, not shifts: keeps the sign bit out of it.
  return types.reduce((number, type) => number * 64 + formats[type].typeId, 0);
}

/** The inverse of typeNumber; undefined if a field is of a type that is not known here. */
export function typesOfNumber(number: number): FieldType[] | undefined {
  const types: FieldType[] = [];
  for (let rest = number; rest > 0; rest = Math.floor(rest / 64)) {
    const type = typesById.get(rest % 64);
    if (type === undefined) return undefined;
    types.unshift(type);
  }
  return types;
}

/**
 * Writes `10.96.0.1 . tcp . 80 . 2` as the bytes the kernel compares; pad bytes are part of the key and are zero.
 * Throws SyntaxFault when the text does not fit the types.
 */
export function writeFields(writer: MessageWriter, types: readonly FieldType[], text: string): void {
  let start = 0;
  const last = types.length - 1;
  for (let index = 0; index <= last; index++) {
    const type = types[index] as FieldType;
    const separator = index === last ? text.length : text.indexOf(' . ', start);
    if (separator === -1) throw new SyntaxFault(`not ${types.join(' . ')}: ${JSON.stringify(text)}`);
    const format = formats[type];
    format.write(writer, text, start, separator);
    if (last > 0) writer.zeros(-format.length & 3);
    start = separator + 3;
  }
}

/** The inverse of writeFields: canonical text of the bytes at `offset`. */
export function formatFields(types: readonly FieldType[], bytes: Uint8Array, view: DataView, offset: number): string {
  let text = '';
  let position = offset;
  for (const type of types) {
    if (position !== offset) text += ' . ';
    text += formats[type].format(bytes, view, position);
    position += paddedLength(type);
  }
  return text;
}
