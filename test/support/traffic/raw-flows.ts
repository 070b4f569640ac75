import { setTimeout } from 'node:timers/promises';
import { addressBytes } from '../../../src/ip/index.ts';
import { RawSocket } from './raw-socket.ts';

/** One flow of a single packet: a UDP datagram, or the SYN of a TCP connection that is never answered. Any source address will do: the sender writes the IP header itself. */
export interface Flow {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly port: number;
  /** UDP unless told. */
  readonly protocol?: 'udp' | 'tcp';
}

/** Implies that the packets given have their IP header. */
const IPPROTO_RAW = 255;
const IPPROTO_UDP = 17;
const IPPROTO_TCP = 6;
const TH_SYN = 2;
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
      this.prepare(flow)();
      if (++sent % burst === 0) await setTimeout(pauseMilliseconds);
    }
    return sent;
  }

  /** Makes a flow's packet, to be sent each time that what this gives is called. It throws with the kernel's error code. */
  prepare(flow: Flow): () => void {
    const source = addressBytes(flow.source);
    const destination = addressBytes(flow.destination);
    const socket = this.#sockets[destination.length === 4 ? 4 : 6];
    const packet = packetOf(source, destination, flow);
    return () => socket.send(packet, destination);
  }

  [Symbol.dispose](): void {
    this.#sockets[4][Symbol.dispose]();
    this.#sockets[6][Symbol.dispose]();
  }
}

/** IP header, UDP or TCP header, nothing more. */
function packetOf(source: Uint8Array, destination: Uint8Array, flow: Flow): Uint8Array {
  const headerLength = source.length === 4 ? 20 : 40;
  const tcp = flow.protocol === 'tcp';
  const [protocol, length] = tcp ? [IPPROTO_TCP, 20] : [IPPROTO_UDP, 8];
  const packet = new Uint8Array(headerLength + length);
  if (source.length === 4) {
    // Length, identification and checksum are filled in by the kernel (raw(7)).
    packet.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol]);
    packet.set(source, 12);
    packet.set(destination, 16);
  } else {
    packet.set([0x60, 0, 0, 0, 0, length, protocol, 64]);
    packet.set(source, 8);
    packet.set(destination, 24);
  }
  const view = new DataView(packet.buffer, headerLength);
  view.setUint16(0, flow.sourcePort);
  view.setUint16(2, flow.port);
  if (tcp) {
    // No options: a header of five words (RFC 9293). The window is of no consequence.
    view.setUint16(12, (5 << 12) | TH_SYN);
    view.setUint16(14, 0xffff);
  } else view.setUint16(4, length);
  view.setUint16(tcp ? 16 : 6, checksum(protocol, source, destination, view));
  return packet;
}

/** RFC 1071 over the pseudo header (addresses, length, protocol) and a header whose checksum is still 0. */
function checksum(protocol: number, source: Uint8Array, destination: Uint8Array, header: DataView): number {
  let sum = header.byteLength + protocol;
  for (const address of [source, destination]) {
    for (let offset = 0; offset < address.length; offset += 2) {
      sum += ((address[offset] ?? 0) << 8) | (address[offset + 1] ?? 0);
    }
  }
  for (let offset = 0; offset < header.byteLength; offset += 2) sum += header.getUint16(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff || 0xffff;
}
