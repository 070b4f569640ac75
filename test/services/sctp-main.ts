// SCTP by hand, for kernels without SCTP sockets: an INIT chunk over a raw socket, and what comes back.
//   node sctp-main.ts client '{"source":"10.0.0.5","destination":"10.96.0.1","port":80,"timeoutMilliseconds":500}'
//     prints {"outcome":"answered","server":…,"client":…}, {"outcome":"unreachable"} or {"outcome":"nothing"}
//   node sctp-main.ts server 10.0.1.2 8080
//     answers every INIT to that address and port with an INIT ACK; prints "ready", then the client of each
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';
import { addressBytes, canonicalAddress } from '../../src/ip/index.ts';
import { errnoName, lastErrno, libc } from '../../src/netlink/index.ts';
import type { SctpOutcome, SctpRequest } from './sctp.ts';

const AF_INET = 2;
const AF_INET6 = 10;
/** SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC */
const socketType = 3 | 0o4000 | 0o2000000;
const IPPROTO = { icmp: 1, icmpv6: 58, sctp: 132 } as const;
/** Chunk types of RFC 9260, 3.2. */
const INIT = 1;
const INIT_ACK = 2;
const initTag = 0x6e667470;

type SendTo = (fd: number, buffer: Uint8Array, length: number, flags: number, to: Uint8Array, size: number) => number;
type ReceiveFrom = (
  fd: number,
  buffer: Uint8Array,
  length: number,
  flags: number,
  from: Uint8Array,
  size: Uint8Array,
) => number;
const library = koffi.load(null);
const recvfrom = library.func(
  'intptr_t recvfrom(int fd, _Inout_ void *b, size_t n, int flags, _Inout_ void *from, _Inout_ void *size)',
) as ReceiveFrom;
const sendto = library.func(
  'intptr_t sendto(int fd, const void *b, size_t n, int flags, const void *to, uint32_t size)',
) as SendTo;

function check(what: string, result: number): number {
  if (result < 0) throw new Error(`${what}: ${errnoName(lastErrno())}`);
  return result;
}

/** `struct sockaddr_in` or `sockaddr_in6` without a port: raw sockets have none. */
function socketAddress(address: string): Uint8Array {
  const host = addressBytes(address);
  const bytes = new Uint8Array(host.length === 4 ? 16 : 28);
  new Uint16Array(bytes.buffer, 0, 1)[0] = host.length === 4 ? AF_INET : AF_INET6;
  bytes.set(host, host.length === 4 ? 4 : 8);
  return bytes;
}

class RawSocket {
  readonly #fd: number;
  readonly #family: 4 | 6;
  readonly #buffer = new Uint8Array(65_536);

  constructor(address: string, protocol: number) {
    this.#family = address.includes(':') ? 6 : 4;
    this.#fd = check('socket', libc.socket(this.#family === 4 ? AF_INET : AF_INET6, socketType, protocol));
    const local = socketAddress(address);
    check('bind', libc.bind(this.#fd, local, local.length));
  }

  send(packet: Uint8Array, to: string): void {
    const address = socketAddress(to);
    check('sendto', sendto(this.#fd, packet, packet.length, 0, address, address.length));
  }

  /** The next packet without its IP header and who sent it, undefined if there is none now. */
  receive(): { packet: DataView; from: string } | undefined {
    const address = new Uint8Array(28);
    const size = new Uint8Array(new Uint32Array([address.length]).buffer);
    const length = recvfrom(this.#fd, this.#buffer, this.#buffer.length, 0, address, size);
    if (length >= 0) {
      const bytes = this.#buffer.slice(0, length);
      // Only IPv4 sockets are given the header.
      const header = this.#family === 4 ? ((bytes[0] ?? 0) & 15) * 4 : 0;
      return { packet: new DataView(bytes.buffer, header), from: this.#text(address) };
    }
    // An ICMP error about something this socket has sent is also told here; the ICMP socket sees it in full.
    if (['EAGAIN', 'ECONNREFUSED', 'EHOSTUNREACH'].includes(errnoName(lastErrno()))) return undefined;
    throw new Error(`recvfrom: ${errnoName(lastErrno())}`);
  }

  #text(address: Uint8Array): string {
    if (this.#family === 4) return address.subarray(4, 8).join('.');
    const groups = Buffer.from(address.subarray(8, 24)).toString('hex').match(/.{4}/g) ?? [];
    return canonicalAddress(groups.join(':')) ?? groups.join(':');
  }
}

/** CRC32c, RFC 9260 appendix A: the kernel's connection tracking leaves packets with a wrong one alone. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

interface Ports {
  readonly sourcePort: number;
  readonly port: number;
}

/** Common header and one INIT or INIT ACK chunk; the INIT ACK carries its text as state cookie. */
function packetOf(type: number, { sourcePort, port }: Ports, verificationTag: number, cookie = ''): Uint8Array {
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

function parse(view: DataView): { sourcePort: number; port: number; type: number; cookie: string } {
  const cookie =
    view.byteLength < 36 ? '' : Buffer.from(view.buffer, view.byteOffset + 36, view.getUint16(34) - 4).toString();
  return { sourcePort: view.getUint16(0), port: view.getUint16(2), type: view.getUint8(12), cookie };
}

async function client(request: SctpRequest): Promise<SctpOutcome> {
  const family = request.source.includes(':') ? 6 : 4;
  const sctp = new RawSocket(request.source, IPPROTO.sctp);
  const icmp = new RawSocket(request.source, family === 4 ? IPPROTO.icmp : IPPROTO.icmpv6);
  const sourcePort = request.sourcePort ?? 20_000 + Math.floor(Math.random() * 20_000);
  sctp.send(packetOf(INIT, { sourcePort, port: request.port }, 0), request.destination);
  const deadline = Date.now() + request.timeoutMilliseconds;
  while (Date.now() < deadline) {
    const outcome = answerOf(sctp, request.port, sourcePort) ?? unreachable(icmp, family);
    if (outcome) return outcome;
    await sleep(5);
  }
  return { outcome: 'nothing' };
}

function answerOf(socket: RawSocket, port: number, sourcePort: number): SctpOutcome | undefined {
  for (let next = socket.receive(); next; next = socket.receive()) {
    const answer = parse(next.packet);
    const mine = answer.port === sourcePort && answer.sourcePort === port;
    if (mine && answer.type === INIT_ACK) return JSON.parse(answer.cookie) as SctpOutcome;
  }
  return undefined;
}

/** Destination unreachable, port: type 3 code 3 (RFC 792), type 1 code 4 (RFC 4443). */
function unreachable(icmp: RawSocket, family: 4 | 6): SctpOutcome | undefined {
  const wanted = family === 4 ? 0x0303 : 0x0104;
  for (let next = icmp.receive(); next; next = icmp.receive()) {
    if (next.packet.getUint16(0) === wanted) return { outcome: 'unreachable' };
  }
  return undefined;
}

async function server(address: string, port: number): Promise<never> {
  const socket = new RawSocket(address, IPPROTO.sctp);
  process.stdout.write('ready\n');
  for (;;) {
    for (let next = socket.receive(); next; next = socket.receive()) {
      const { type, port: asked, sourcePort } = parse(next.packet);
      if (type !== INIT || asked !== port) continue;
      const answer = JSON.stringify({ outcome: 'answered', server: address, client: next.from } satisfies SctpOutcome);
      // The INIT's own tag verifies the answer.
      const tag = next.packet.getUint32(16);
      socket.send(packetOf(INIT_ACK, { sourcePort: port, port: sourcePort }, tag, answer), next.from);
    }
    await sleep(5);
  }
}

const [role, first = '', second = ''] = process.argv.slice(2);
if (role === 'server') await server(first, Number(second));
process.stdout.write(`${JSON.stringify(await client(JSON.parse(first) as SctpRequest))}\n`);
