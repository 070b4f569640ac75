import { setTimeout } from 'node:timers/promises';
import { addressBytes } from '../../../src/ip/index.ts';
import { RawSocket } from './raw-socket.ts';

/** One UDP flow of a single datagram. Any source address will do: the sender writes the IP header itself. */
export interface Flow {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly port: number;
}

/** Implies that the packets given have their IP header. */
const IPPROTO_RAW = 255;
const IPPROTO_UDP = 17;
/**
 * Datagrams between two pauses: far fewer than a veth's queue holds (net.core.netdev_max_backlog, 1000), which all
 * namespaces share.
 */
const burst = 50;
const pauseMilliseconds = 1;

/**
 * The cheapest real flows: one hand-made UDP datagram each, sent through a raw socket in a network namespace at some
 * 5 microseconds apiece. Thousands of clients need neither processes nor addresses of their own.
 */
export class FlowSender implements Disposable {
  readonly #sockets: Readonly<Record<4 | 6, RawSocket>>;

  /** Opens in the namespace at `path` (`/run/netns/…`). Needs root. */
  constructor(path: string) {
    this.#sockets = { 4: new RawSocket(path, 4, IPPROTO_RAW), 6: new RawSocket(path, 6, IPPROTO_RAW) };
  }

  /** Sends one datagram per flow, in order. Throws with the kernel's error code. */
  async send(flows: Iterable<Flow>): Promise<number> {
    let sent = 0;
    for (const flow of flows) {
      const source = addressBytes(flow.source);
      const destination = addressBytes(flow.destination);
      const family = destination.length === 4 ? 4 : 6;
      this.#sockets[family].send(packetOf(source, destination, flow), destination);
      if (++sent % burst === 0) await setTimeout(pauseMilliseconds);
    }
    return sent;
  }

  [Symbol.dispose](): void {
    this.#sockets[4][Symbol.dispose]();
    this.#sockets[6][Symbol.dispose]();
  }
}

/** IP header, UDP header, nothing more. */
function packetOf(source: Uint8Array, destination: Uint8Array, flow: Flow): Uint8Array {
  const family = source.length === 4 ? 4 : 6;
  const headerLength = family === 4 ? 20 : 40;
  const packet = new Uint8Array(headerLength + 8);
  const view = new DataView(packet.buffer);
  if (family === 4) {
    // Length, identification and checksum are filled in by the kernel (raw(7)).
    packet.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, IPPROTO_UDP]);
    packet.set(source, 12);
    packet.set(destination, 16);
  } else {
    packet.set([0x60, 0, 0, 0, 0, 8, IPPROTO_UDP, 64]);
    packet.set(source, 8);
    packet.set(destination, 24);
  }
  view.setUint16(headerLength, flow.sourcePort);
  view.setUint16(headerLength + 2, flow.port);
  view.setUint16(headerLength + 4, 8);
  // IPv4 may go without a checksum, IPv6 may not.
  if (family === 6) view.setUint16(headerLength + 6, udpChecksum(view, headerLength));
  return packet;
}

/** RFC 1071 over the pseudo header (addresses, length, protocol) and the UDP header, whose checksum is still 0. */
function udpChecksum(packet: DataView, headerLength: number): number {
  let sum = 8 + IPPROTO_UDP;
  for (let offset = 8; offset < headerLength + 8; offset += 2) sum += packet.getUint16(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff || 0xffff;
}
