import { attributeFlag } from './constants.ts';
import { MalformedMessageError } from './error.ts';
import { hostIsLittleEndian } from './message-writer.ts';

/** NLA_TYPE_MASK */
const typeMask = 0xffff & ~(attributeFlag.nested | attributeFlag.networkByteOrder);
const decoder = new TextDecoder();

/**
 * A window on received bytes: one attribute's payload, or a whole message's attributes. No copies; valid as long as
 * the receive buffer is. Whoever reads a number that the window is too short for gets MalformedMessageError, never
 * what stands behind it.
 */
export class Payload {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;

  constructor(bytes: Uint8Array, view: DataView, start: number, end: number) {
    this.bytes = bytes;
    this.view = view;
    this.start = start;
    this.end = end;
  }

  static of(bytes: Uint8Array): Payload {
    return new Payload(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength);
  }

  get length(): number {
    return this.end - this.start;
  }

  /** What follows the first bytes: a header, padded to four. Throws MalformedMessageError if it is not whole. */
  after(headerLength: number): Payload {
    return new Payload(this.bytes, this.view, this.#place(0, headerLength) + ((headerLength + 3) & ~3), this.end);
  }

  /** The attributes in here, in order; stops at the first malformed one. */
  *attributes(): Generator<[type: number, payload: Payload]> {
    let position = this.start;
    while (position + 4 <= this.end) {
      const length = this.view.getUint16(position, hostIsLittleEndian);
      if (length < 4 || position + length > this.end) return;
      const type = this.view.getUint16(position + 2, hostIsLittleEndian) & typeMask;
      yield [type, new Payload(this.bytes, this.view, position + 4, position + length)];
      position += (length + 3) & ~3;
    }
  }

  /** The first attribute of a type, if there. */
  get(type: number): Payload | undefined {
    let position = this.start;
    while (position + 4 <= this.end) {
      const length = this.view.getUint16(position, hostIsLittleEndian);
      if (length < 4 || position + length > this.end) return undefined;
      if ((this.view.getUint16(position + 2, hostIsLittleEndian) & typeMask) === type) {
        return new Payload(this.bytes, this.view, position + 4, position + length);
      }
      position += (length + 3) & ~3;
    }
    return undefined;
  }

  u8(offset = 0): number {
    return this.view.getUint8(this.#place(offset, 1));
  }

  /** Big-endian. */
  u16(offset = 0): number {
    return this.view.getUint16(this.#place(offset, 2));
  }

  /** Big-endian. */
  u32(offset = 0): number {
    return this.view.getUint32(this.#place(offset, 4));
  }

  /** Big-endian, signed. */
  i32(offset = 0): number {
    return this.view.getInt32(this.#place(offset, 4));
  }

  /** Big-endian; exact up to 2^53. */
  u64(offset = 0): number {
    return this.u32(offset) * 2 ** 32 + this.u32(offset + 4);
  }

  u32HostEndian(offset = 0): number {
    return this.view.getUint32(this.#place(offset, 4), hostIsLittleEndian);
  }

  i32HostEndian(offset = 0): number {
    return this.view.getInt32(this.#place(offset, 4), hostIsLittleEndian);
  }

  u16HostEndian(offset = 0): number {
    return this.view.getUint16(this.#place(offset, 2), hostIsLittleEndian);
  }

  /** Where the bytes at an offset are, which all have to be in the window. */
  #place(offset: number, length: number): number {
    const place = this.start + offset;
    if (place + length > this.end)
      throw new MalformedMessageError(`${this.length} bytes, and ${offset + length} are needed`);
    return place;
  }

  /** Up to the terminating NUL, if there is one. */
  string(): string {
    let end = this.start;
    while (end < this.end && this.bytes[end] !== 0) end++;
    return decoder.decode(this.bytes.subarray(this.start, end));
  }

  /** A copy that outlives the receive buffer. */
  copy(): Uint8Array {
    return this.bytes.slice(this.start, this.end);
  }
}

/** One netlink message as received. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows nlmsghdr: the protocol's own header, if it has one, and attributes. */
  readonly payload: Payload;
}

/** The messages of one received datagram. */
export function* messages(datagram: Payload): Generator<Message> {
  const { bytes, view } = datagram;
  let position = datagram.start;
  while (position + 16 <= datagram.end) {
    const length = view.getUint32(position, hostIsLittleEndian);
    if (length < 16 || position + length > datagram.end) return;
    yield {
      type: view.getUint16(position + 4, hostIsLittleEndian),
      flags: view.getUint16(position + 6, hostIsLittleEndian),
      sequence: view.getUint32(position + 8, hostIsLittleEndian),
      payload: new Payload(bytes, view, position + 16, position + length),
    };
    position += (length + 3) & ~3;
  }
}
