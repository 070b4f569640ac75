/** Chunk types of RFC 9260, 3.2. */
export const INIT = 1;
export const INIT_ACK = 2;
const initTag = 0x6e667470;

/** CRC32c, RFC 9260 appendix A: the kernel's connection tracking leaves packets with a wrong one alone. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** Ports of an SCTP packet. */
export interface Ports {
  readonly sourcePort: number;
  readonly port: number;
}

/** Common header and one INIT or INIT ACK chunk; the INIT ACK carries its text as state cookie. */
export function sctpPacket(
  type: number,
  { sourcePort, port }: Ports,
  verificationTag: number,
  cookie = '',
): Uint8Array {
  const text = Buffer.from(cookie);
  const padded = Math.ceil(text.length / 4) * 4;
  const parameters = cookie === '' ? 0 : 4 + padded;
  const packet = new Uint8Array(12 + 20 + parameters);
  const view = new DataView(packet.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, port);
  view.setUint32(4, verificationTag);
  view.setUint8(12, type);
  view.setUint16(14, 20 + (cookie === '' ? 0 : 4 + text.length));
  view.setUint32(16, initTag);
  view.setUint32(20, 65_536);
  view.setUint16(24, 1);
  view.setUint16(26, 1);
  if (cookie !== '') {
    view.setUint16(32, 7);
    view.setUint16(34, 4 + text.length);
    packet.set(text, 36);
  }
  view.setUint32(8, crc32c(packet), true);
  return packet;
}

/** What the first chunk of a packet says. */
export function parseSctp(view: DataView): { sourcePort: number; port: number; type: number; cookie: string } {
  const cookie =
    view.byteLength < 36 ? '' : Buffer.from(view.buffer, view.byteOffset + 36, view.getUint16(34) - 4).toString();
  return { sourcePort: view.getUint16(0), port: view.getUint16(2), type: view.getUint8(12), cookie };
}
