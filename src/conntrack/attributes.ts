import { hostIsLittleEndian, MalformedMessageError } from '../netlink/index.ts';

/**
 * Positions of attributes in a message. Numbers instead of objects: a dump may hold hundreds of thousands of entries,
 * most of which the caller drops.
 */
export class Attributes {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(bytes: Uint8Array, view: DataView) {
    this.bytes = bytes;
    this.view = view;
  }

  /** Where the payload of the first attribute of a type in [start, end) starts; -1 if there is none that is whole. */
  find(start: number, end: number, type: number): number {
    let position = start;
    while (position + 4 <= end) {
      const length = this.view.getUint16(position, hostIsLittleEndian);
      if (length < 4 || position + length > end) return -1;
      if ((this.view.getUint16(position + 2, hostIsLittleEndian) & 0x3fff) === type) return position + 4;
      position += (length + 3) & ~3;
    }
    return -1;
  }

  /** Where the payload that starts at a position ends. */
  end(payload: number): number {
    return payload - 4 + this.view.getUint16(payload - 4, hostIsLittleEndian);
  }

  /** find() in the payload of another attribute. */
  within(payload: number, type: number): number {
    return payload === -1 ? -1 : this.find(payload, this.end(payload), type);
  }

  /** 0 if there is no such attribute, as in the others. @throws MalformedMessageError if it is too short */
  u32(payload: number): number {
    return payload === -1 ? 0 : this.view.getUint32(this.whole(payload, 4));
  }

  u16(payload: number): number {
    return payload === -1 ? 0 : this.view.getUint16(this.whole(payload, 2));
  }

  u8(payload: number): number {
    return payload === -1 ? 0 : this.view.getUint8(this.whole(payload, 1));
  }

  /** The payload, which has to be there and to have so many bytes. @throws MalformedMessageError */
  whole(payload: number, length: number): number {
    if (payload === -1 || this.end(payload) - payload < length)
      throw new MalformedMessageError(`an attribute of a connection has less than ${length} bytes`);
    return payload;
  }
}
