import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { addressBytes } from '../../../src/ip/index.ts';
import { libc } from '../../../src/netlink/index.ts';
import { check } from '../in-namespace.ts';
import type { Namespace } from '../namespace.ts';
import { socketAddress } from './socket-address.ts';

/** An IP address and a TCP port. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

const AF_INET6 = 10;
const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;

/**
 * Hands every connection on to a server in this process's namespace, byte for byte; half-closed connections stay
 * half-closed. It is a way out of a network namespace: the socket that listens there belongs to this process.
 */
export class Forwarder {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #listen: TcpAddress;

  constructor(listen: TcpAddress, target: TcpAddress) {
    this.#listen = listen;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (incoming) => {
      const outgoing = connect({ ...target, allowHalfOpen: true, noDelay: true });
      this.#join(incoming, outgoing);
      this.#join(outgoing, incoming);
    });
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.pipe(to);
    // An error of one side is told to the other as a reset: that is what a broken connection looks like.
    from.on('error', () => {
      to.resetAndDestroy();
    });
    from.on('close', () => {
      this.#sockets.delete(from);
      if (from.errored === null) to.destroySoon();
    });
  }

  /** Listens in a namespace. @throws Error when the address is in use. */
  async startIn(space: Namespace): Promise<void> {
    const fd = space.inside(() => boundSocket(this.#listen));
    await this.#start({ fd });
  }

  /** Listens in this process's namespace. @throws Error when the address is in use. */
  async start(): Promise<void> {
    await this.#start(this.#listen);
  }

  async #start(where: TcpAddress | { fd: number }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(where, resolve);
    });
  }

  /** The TCP port it listens on. */
  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('this forwarder has no port');
    return address.port;
  }

  /** Refuses new connections and resets the present ones. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }
}

/** A TCP socket, bound and not listening yet: Node can take it from there, whatever namespace it is in. */
function boundSocket({ host, port }: TcpAddress): number {
  const bytes = addressBytes(host);
  const fd = check('socket', libc.socket(bytes.length === 4 ? AF_INET : AF_INET6, SOCK_STREAM_CLOEXEC, 0));
  const on = new Uint8Array(new Int32Array([1]).buffer);
  check('setsockopt', libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, on, on.length));
  const address = socketAddress(bytes, port);
  check(`bind ${host} ${port}`, libc.bind(fd, address, address.length));
  return fd;
}
