import koffi from 'koffi';
import { addressBytes, canonicalAddress } from '../../../src/ip/index.ts';
import { errnoName, lastErrno, libc } from '../../../src/netlink/index.ts';
import { check, inNamespace } from '../in-namespace.ts';
import { socketAddress } from './socket-address.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const MSG_DONTWAIT = 0x40;

type Address = [address: Uint8Array, size: number];
type Message = [fd: number, buffer: Uint8Array, length: number, flags: number];
const library = koffi.load(null);
const sendto = library.func(
  'intptr_t sendto(int fd, const void *b, size_t n, int flags, const void *to, uint32_t size)',
) as (...message: [...Message, ...Address]) => number;
const recvfrom = library.func(
  'intptr_t recvfrom(int fd, _Inout_ void *b, size_t n, int flags, _Inout_ void *from, _Inout_ void *size)',
) as (...message: [...Message, from: Uint8Array, size: Uint8Array]) => number;

/** A packet without its IP header, and who sent it. */
export interface Received {
  readonly packet: DataView;
  readonly from: string;
}

/** A raw socket in a network namespace. Needs root. */
export class RawSocket implements Disposable {
  readonly #fd: number;
  readonly #family: 4 | 6;
  readonly #buffer = new Uint8Array(65_536);

  /** @param protocol IPPROTO_RAW (255) means that the packets to send have their IP header. */
  constructor(namespacePath: string, family: 4 | 6, protocol: number) {
    this.#family = family;
    const make = (): number => libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_RAW_CLOEXEC, protocol);
    this.#fd = inNamespace(namespacePath, () => check('socket', make()));
  }

  /** Receives only what is for this address, and sends from it. */
  bind(address: string): this {
    const local = socketAddress(addressBytes(address));
    check('bind', libc.bind(this.#fd, local, local.length));
    return this;
  }

  send(packet: Uint8Array, to: Uint8Array): void {
    const address = socketAddress(to);
    check('sendto', sendto(this.#fd, packet, packet.length, 0, address, address.length));
  }

  /** The next packet, undefined if there is none now. */
  receive(): Received | undefined {
    const address = new Uint8Array(28);
    const size = new Uint8Array(new Uint32Array([address.length]).buffer);
    const length = recvfrom(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT, address, size);
    if (length >= 0) {
      const bytes = this.#buffer.slice(0, length);
      // Only IPv4 sockets are given the header.
      const header = this.#family === 4 ? ((bytes[0] ?? 0) & 15) * 4 : 0;
      return { packet: new DataView(bytes.buffer, header), from: this.#text(address) };
    }
    // An ICMP error about something this socket has sent is also told here; an ICMP socket sees it in full.
    if (['EAGAIN', 'ECONNREFUSED', 'EHOSTUNREACH'].includes(errnoName(lastErrno()))) return undefined;
    throw new Error(`recvfrom: ${errnoName(lastErrno())}`);
  }

  #text(address: Uint8Array): string {
    if (this.#family === 4) return address.subarray(4, 8).join('.');
    const groups = Buffer.from(address.subarray(8, 24)).toString('hex').match(/.{4}/g) ?? [];
    return canonicalAddress(groups.join(':')) ?? groups.join(':');
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}
