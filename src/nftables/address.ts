import { addressFault, readAddress } from '../ip/index.ts';
import type { MessageWriter } from '../netlink/index.ts';

/** A text that is not what its field type asks for. */
export class SyntaxFault extends Error {
  override name = 'SyntaxFault';
}

/** The address that is being written: kept, because hundreds of thousands are. Written by words, which is fastest. */
const address = new Uint8Array(16);
const words = new DataView(address.buffer);

/** Writes the 4 bytes of the IPv4 address that is text[start, end). Throws SyntaxFault. */
export function writeIpv4(writer: MessageWriter, text: string, start: number, end: number): void {
  if (readAddress(text, start, end, address) !== 4) throw fault('an IPv4 address', text.slice(start, end));
  writer.u32(words.getUint32(12));
}

/** Writes the 16 bytes of the address that is text[start, end); of IPv4 the mapped form. Throws SyntaxFault. */
export function writeIpv6(writer: MessageWriter, text: string, start: number, end: number): void {
  if (readAddress(text, start, end, address) === 0) throw fault('an IPv6 address', text.slice(start, end));
  for (let offset = 0; offset < 16; offset += 4) writer.u32(words.getUint32(offset));
}

function fault(kind: string, text: string): SyntaxFault {
  return new SyntaxFault(`${JSON.stringify(text)} ${addressFault(text) ?? `is not ${kind}`}`);
}
