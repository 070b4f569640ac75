import { setTimeout } from 'node:timers/promises';
import koffi from 'koffi';
import { addressBytes } from '../../src/ip/index.ts';
import { errnoName, lastErrno, libc } from '../../src/netlink/index.ts';

/** One UDP flow of a single datagram. Any source address will do: the sender writes the IP header itself. */
export interface Flow {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly port: number;
}

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
/** Implies that the packets given have their IP header. */
const IPPROTO_RAW = 255;
const IPPROTO_UDP = 17;
const CLONE_NEWNET = 0x40000000;
const O_RDONLY_CLOEXEC = 0o2000000;
/**
 * Datagrams between two pauses: far fewer than a veth's queue holds (net.core.netdev_max_backlog, 1000), which all
 * namespaces share.
 */
const burst = 50;
const pauseMilliseconds = 1;

type SendTo = (fd: number, buffer: Uint8Array, length: number, flags: number, to: Uint8Array, size: number) => number;
const sendto = koffi
  .load(null)
  .func('intptr_t sendto(int fd, const void *b, size_t n, int flags, const void *to, uint32_t size)') as SendTo;

/**
 * The cheapest real flows: one hand-made UDP datagram each, sent through a raw socket in a network namespace at some
 * 5 microseconds apiece. Thousands of clients need neither processes nor addresses of their own.
 */
export class FlowSender implements Disposable {
  readonly #sockets: Readonly<Record<4 | 6, number>>;

  /** Opens in the namespace at `path` (`/run/netns/…`). Needs root. */
  constructor(path: string) {
    this.#sockets = inNamespace(path, () => ({
      4: check('socket', libc.socket(AF_INET, SOCK_RAW_CLOEXEC, IPPROTO_RAW)),
      6: check('socket', libc.socket(AF_INET6, SOCK_RAW_CLOEXEC, IPPROTO_RAW)),
    }));
  }

  /** Sends one datagram per flow, in order. Throws with the kernel's error code. */
  async send(flows: Iterable<Flow>): Promise<number> {
    let sent = 0;
    for (const flow of flows) {
      const source = addressBytes(flow.source);
      const destination = addressBytes(flow.destination);
      const family = destination.length === 4 ? 4 : 6;
      const packet = packetOf(family, source, destination, flow);
      const to = socketAddress(family, destination);
      check('sendto', sendto(this.#sockets[family], packet, packet.length, 0, to, to.length));
      if (++sent % burst === 0) await setTimeout(pauseMilliseconds);
    }
    return sent;
  }

  [Symbol.dispose](): void {
    libc.close(this.#sockets[4]);
    libc.close(this.#sockets[6]);
  }
}

function check(what: string, result: number): number {
  if (result < 0) throw new Error(`${what}: ${errnoName(lastErrno())}`);
  return result;
}

/** The thread enters the namespace, makes the sockets and comes back before anything else can run. */
function inNamespace<Result>(path: string, create: () => Result): Result {
  const home = check('open', libc.open('/proc/thread-self/ns/net', O_RDONLY_CLOEXEC));
  const there = check(`open ${path}`, libc.open(path, O_RDONLY_CLOEXEC));
  try {
    check('setns', libc.setns(there, CLONE_NEWNET));
    return create();
  } finally {
    check('setns back', libc.setns(home, CLONE_NEWNET));
    libc.close(there);
    libc.close(home);
  }
}

/** `struct sockaddr_in` or `sockaddr_in6`; raw sockets have no port. */
function socketAddress(family: 4 | 6, address: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(family === 4 ? 16 : 28);
  // The family is in the host's byte order.
  new Uint16Array(bytes.buffer, 0, 1)[0] = family === 4 ? AF_INET : AF_INET6;
  bytes.set(address, family === 4 ? 4 : 8);
  return bytes;
}

/** IP header, UDP header, nothing more. */
function packetOf(family: 4 | 6, source: Uint8Array, destination: Uint8Array, flow: Flow): Uint8Array {
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
