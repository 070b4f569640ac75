import { attributeFlag } from './constants.ts';
import { endianness } from 'node:os';

/** Netlink headers and host-endian values are little-endian on every machine Kubernetes runs on but s390x. */
export const hostIsLittleEndian = endianness() === 'LE';

const textEncoder = new TextEncoder();

/**
 * Writes netlink messages one after another into one growing buffer, so that a batch of 100,000 elements is one
 * allocation and one system call.
 *
 * Attributes are padded to 4 bytes with zeros, as the kernel asks. `begin...` returns a position to give to `end...`.
 */
export class MessageWriter {
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 4096) {
    this.#buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** The written bytes, not copied: valid until the next write. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Forgets everything from `position` on. */
  truncate(position: number): void {
    this.#buffer.fill(0, position, this.#length);
    this.#length = position;
  }

  /** Takes back what was written from `position` on, but leaves the bytes that `bytes` gave out as they are. */
  rewind(position: number): void {
    this.#length = position;
  }

  beginMessage(type: number, flags: number, sequence: number): number {
    const start = this.#length;
    this.#extend(16);
    this.#view.setUint16(start + 4, type, hostIsLittleEndian);
    this.#view.setUint16(start + 6, flags, hostIsLittleEndian);
    this.#view.setUint32(start + 8, sequence, hostIsLittleEndian);
    return start;
  }

  endMessage(start: number): void {
    this.#view.setUint32(start, this.#length - start, hostIsLittleEndian);
  }

  /** Adds to the flags of a message that is already written. */
  addFlags(start: number, flags: number): void {
    const present = this.#view.getUint16(start + 6, hostIsLittleEndian);
    this.#view.setUint16(start + 6, present | flags, hostIsLittleEndian);
  }

  beginNested(type: number): number {
    return this.beginAttribute(type | attributeFlag.nested);
  }

  /** An attribute whose payload is written by the calls that follow. */
  beginAttribute(type: number): number {
    const start = this.#extend(4);
    this.#view.setUint16(start + 2, type, hostIsLittleEndian);
    return start;
  }

  endAttribute(start: number): void {
    const length = this.#length - start;
    if (length > 0xffff) throw new RangeError(`a netlink attribute holds at most 65535 bytes, not ${length}`);
    this.#view.setUint16(start, length, hostIsLittleEndian);
    const padding = -length & 3;
    if (padding !== 0) this.#extend(padding);
  }

  /** An attribute with a NUL-terminated string. */
  string(type: number, value: string): void {
    const start = this.beginAttribute(type);
    this.text(value);
    this.u8(0);
    this.endAttribute(start);
  }

  binary(type: number, value: Uint8Array): void {
    const start = this.beginAttribute(type);
    this.raw(value);
    this.endAttribute(start);
  }

  /** A be32 attribute: what nf_tables uses for nearly every number. */
  number(type: number, value: number): void {
    const start = this.beginAttribute(type);
    this.u32(value);
    this.endAttribute(start);
  }

  /** An attribute with a number as this machine has it: what protocols other than nf_tables use. */
  hostNumber(type: number, value: number): void {
    const start = this.beginAttribute(type);
    this.u32HostEndian(value);
    this.endAttribute(start);
  }

  /** The same with 16 bits. */
  shortHostNumber(type: number, value: number): void {
    const start = this.beginAttribute(type);
    this.u16HostEndian(value);
    this.endAttribute(start);
  }

  /** A be16 attribute: a port. */
  short(type: number, value: number): void {
    const start = this.beginAttribute(type);
    this.u16(value);
    this.endAttribute(start);
  }

  byte(type: number, value: number): void {
    const start = this.beginAttribute(type);
    this.u8(value);
    this.endAttribute(start);
  }

  /** A be64 attribute; integers up to 2^53. */
  bigNumber(type: number, value: number): void {
    const start = this.beginAttribute(type);
    this.u32(Math.floor(value / 2 ** 32));
    this.u32(value >>> 0);
    this.endAttribute(start);
  }

  u8(value: number): void {
    const start = this.#extend(1);
    this.#buffer[start] = value;
  }

  /** Big-endian. */
  u16(value: number): void {
    const start = this.#extend(2);
    this.#view.setUint16(start, value);
  }

  u16HostEndian(value: number): void {
    const start = this.#extend(2);
    this.#view.setUint16(start, value, hostIsLittleEndian);
  }

  /** Big-endian. */
  u32(value: number): void {
    const start = this.#extend(4);
    this.#view.setUint32(start, value);
  }

  u32HostEndian(value: number): void {
    const start = this.#extend(4);
    this.#view.setUint32(start, value, hostIsLittleEndian);
  }

  zeros(count: number): void {
    this.#extend(count);
  }

  raw(value: Uint8Array): void {
    const start = this.#extend(value.length);
    this.#buffer.set(value, start);
  }

  /** UTF-8, without an end mark. */
  text(value: string): void {
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) {
        this.raw(textEncoder.encode(value.slice(index)));
        return;
      }
      this.u8(code);
    }
  }

  /** Makes room for `count` bytes and returns where they start. They are zero, unless left over from a rewind. */
  #extend(count: number): number {
    const start = this.#length;
    const length = start + count;
    if (length > this.#buffer.length) this.#grow(length);
    this.#length = length;
    return start;
  }

  #grow(needed: number): void {
    const buffer = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    buffer.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }
}
