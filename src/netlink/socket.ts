import { netlinkProtocol } from './constants.ts';
import { NetlinkError } from './error.ts';
import { withoutSender } from './filter.ts';
import { errno, errnoName, lastErrno, libc } from './libc.ts';
import { messages, Payload } from './message-reader.ts';
import type { Message } from './message-reader.ts';
import { hostIsLittleEndian } from './message-writer.ts';
import { inNamespace } from './namespace.ts';

/** Numbers of the system calls, by their names. Source: sys/socket.h, asm-generic/socket.h, linux/netlink.h. */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SOL_NETLINK = 270;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;

/** The kernel sends pages of at most 32 KiB; answers with extended acknowledgements are smaller. */
const receiveBufferSize = 128 * 1024;
/** Room for the answers to one request: a failed batch may have an error for each of its messages. */
const receiveQueueBytes = 8 * 1024 * 1024;
/** Batches from here on are sent by a worker thread: below, the system call is shorter than the detour. */
const asynchronousFrom = 64 * 1024;

/** Which part of the kernel a socket talks to. */
export type NetlinkProtocol = keyof typeof netlinkProtocol;

export interface SocketOptions {
  /** Network namespace to open the socket in, e.g. `/run/netns/n1`; the current one if left out. */
  readonly namespacePath?: string;
}

/**
 * A netlink socket of one protocol.
 *
 * The kernel handles a request before `send` returns, so all answers are there right after it, and nothing here ever
 * waits for the socket. What takes time is the request itself: big ones go through a worker thread. The caller makes
 * sure that one request is finished before the next starts.
 */
export class NetlinkSocket {
  readonly portId: number;
  /** Opens another socket of the same protocol in the same network namespace. Throws NetlinkError. */
  readonly another: () => NetlinkSocket;
  #descriptor: number;
  #sendBuffer = 0;
  #sending = false;
  #closing = false;
  readonly #received = Payload.of(new Uint8Array(receiveBufferSize));

  private constructor(descriptor: number, portId: number, another: () => NetlinkSocket) {
    this.#descriptor = descriptor;
    this.portId = portId;
    this.another = another;
  }

  /** Opens, in the given network namespace if any (that needs CAP_SYS_ADMIN). Throws NetlinkError. */
  static open(protocol: NetlinkProtocol, options: SocketOptions = {}): NetlinkSocket {
    const type = SOCK_RAW | SOCK_CLOEXEC;
    const create = (): number => call('socket', libc.socket(AF_NETLINK, type, netlinkProtocol[protocol]));
    const descriptor = options.namespacePath === undefined ? create() : inNamespace(options.namespacePath, create);
    try {
      const portId = bindAny(descriptor);
      for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
        call('setsockopt', setOption(descriptor, SOL_NETLINK, option, 1));
      }
      // Without CAP_NET_ADMIN the default has to do: then only reading works anyhow.
      setOption(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, receiveQueueBytes);
      return new NetlinkSocket(descriptor, portId, () => NetlinkSocket.open(protocol, options));
    } catch (error) {
      libc.close(descriptor);
      throw error;
    }
  }

  /**
   * Hears from now on what the kernel tells a multicast group (an enum value, not a mask) of others: what this socket
   * causes takes no room in the queue. Throws NetlinkError, with code EPERM without CAP_NET_ADMIN.
   */
  listen(group: number): NetlinkListener {
    const listener = this.another();
    try {
      call('setsockopt', libc.attachFilter(listener.#descriptor, withoutSender(this.portId)));
      call('setsockopt', setOption(listener.#descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group));
      return listener;
    } catch (error) {
      listener.close();
      throw error;
    }
  }

  /** Sends one request. Resolves (or, for small ones, returns) when the kernel has handled it. */
  send(bytes: Uint8Array): Promise<void> | undefined {
    const descriptor = this.#open();
    this.#makeRoom(bytes.length);
    if (bytes.length < asynchronousFrom) {
      this.#sent(libc.send(descriptor, bytes, bytes.length, 0));
      return undefined;
    }
    this.#sending = true;
    return new Promise((resolve, reject) => {
      libc.send.async(descriptor, bytes, bytes.length, 0, (error, result) => {
        this.#sending = false;
        try {
          if (error !== null) throw error;
          // errno stays on the worker thread. Nothing was sent, so the same call again tells it.
          this.#sent(result === -1 ? libc.send(descriptor, bytes, bytes.length, 0) : result);
          resolve();
        } catch (fault) {
          reject(fault instanceof Error ? fault : new Error(String(fault)));
        }
        if (this.#closing) this.close();
      });
    });
  }

  #sent(result: number): void {
    call('send', result);
  }

  /**
   * The next datagram of answers, valid until the next call; undefined when there are no more.
   * Throws NetlinkError with code ENOBUFS when the kernel had to drop answers.
   */
  receive(): Payload | undefined {
    const { bytes, view } = this.#received;
    const length = libc.recv(this.#open(), bytes, bytes.length, MSG_DONTWAIT | MSG_TRUNC);
    if (length === -1) {
      const number = lastErrno();
      if (number === errno.EAGAIN) return undefined;
      if (number === errno.EINTR) return this.receive();
      throw new NetlinkError(`recv on a netlink socket failed: ${errnoName(number)}`, number);
    }
    if (length > bytes.length)
      throw new NetlinkError(`a netlink answer of ${length} bytes was cut off`, errno.EMSGSIZE);
    return new Payload(bytes, view, 0, length);
  }

  /** Throws away what is left of answers to earlier, failed requests. */
  drain(): void {
    while (!this.#closing) {
      try {
        if (this.receive() === undefined) return;
      } catch (error) {
        if (!(error instanceof NetlinkError) || error.errno !== errno.ENOBUFS) throw error;
      }
    }
  }

  /** All messages that answer one request (or were heard), one datagram at a time. */
  *answers(): Generator<Message> {
    for (let datagram = this.receive(); datagram !== undefined; datagram = this.receive()) yield* messages(datagram);
  }

  /** The messages of the next datagram; none if there is none. */
  answersOfOneDatagram(): Message[] {
    const datagram = this.receive();
    return datagram === undefined ? [] : [...messages(datagram)];
  }

  /** Nothing can be sent from here on. A request that a worker thread is sending is sent first. */
  close(): void {
    this.#closing = true;
    // The worker thread has the descriptor's number, which the next file to be opened would get.
    if (this.#sending || this.#descriptor === -1) return;
    libc.close(this.#descriptor);
    this.#descriptor = -1;
  }

  #open(): number {
    if (this.#closing) throw new NetlinkError('the netlink socket is closed', errno.EBADF);
    return this.#descriptor;
  }

  /** A batch must fit the send buffer as a whole. The kernel doubles what it is given. */
  #makeRoom(length: number): void {
    if (length <= this.#sendBuffer) return;
    const size = Math.max(length + 4096, 256 * 1024);
    const forced = setOption(this.#open(), SOL_SOCKET, SO_SNDBUFFORCE, size);
    // Without CAP_NET_ADMIN the system's limit applies, and sending says EMSGSIZE if that is too little.
    if (forced === -1) call('setsockopt', setOption(this.#open(), SOL_SOCKET, SO_SNDBUF, size));
    this.#sendBuffer = size;
  }
}

/**
 * What a multicast group has been told, in order. `answers` throws NetlinkError with code ENOBUFS where messages had to
 * be dropped; those after that are there.
 */
export type NetlinkListener = Pick<NetlinkSocket, 'answers' | 'close'>;

/** What a socket is to whoever asks through it: a stand-in for the kernel can take its place in tests. */
export type NetlinkTransport = Pick<
  NetlinkSocket,
  'portId' | 'send' | 'answers' | 'answersOfOneDatagram' | 'drain' | 'close'
>;

/** One that can hear of others, too, and have a second one opened. */
export interface OpenTransport extends NetlinkTransport {
  listen(group: number): NetlinkListener;
  another(): NetlinkTransport;
}

function call(name: string, result: number): number {
  if (result !== -1) return result;
  const number = lastErrno();
  throw new NetlinkError(`${name} on a netlink socket failed: ${errnoName(number)}`, number);
}

function setOption(descriptor: number, level: number, option: number, value: number): number {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, hostIsLittleEndian);
  return libc.setsockopt(descriptor, level, option, bytes, bytes.length);
}

/** Lets the kernel choose the port id, and asks for it. */
function bindAny(descriptor: number): number {
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, hostIsLittleEndian);
  call('bind', libc.bind(descriptor, address, address.length));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, address.length, hostIsLittleEndian);
  call('getsockname', libc.getsockname(descriptor, address, length));
  return view.getUint32(4, hostIsLittleEndian);
}
