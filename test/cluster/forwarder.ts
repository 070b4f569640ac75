import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { NetConnectOpts, Server, Socket } from 'node:net';

/** Where to listen or to connect to: an address and port, or a unix socket's path. */
export type SocketAddress = { host: string; port: number } | { path: string };

/** Hands every connection on to another socket, byte for byte; half-closed connections stay half-closed. */
export class Forwarder {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #listen: SocketAddress;

  constructor(listen: SocketAddress, target: SocketAddress) {
    this.#listen = listen;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (incoming) => {
      const outgoing = connect({ ...target, allowHalfOpen: true, noDelay: true } satisfies NetConnectOpts);
      this.#join(incoming, outgoing);
      this.#join(outgoing, incoming);
    });
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.pipe(to);
    // An error of one side is told to the other as a reset: that is what a broken connection looks like.
    from.on('error', () => {
      breakOff(to);
    });
    from.on('close', () => {
      this.#sockets.delete(from);
      if (from.errored === null) to.destroySoon();
    });
  }

  /** @throws Error when the address is in use. */
  async start(): Promise<void> {
    if ('path' in this.#listen) rmSync(this.#listen.path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#listen, resolve);
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
    for (const socket of this.#sockets) breakOff(socket);
    await closed;
  }
}

/** Ends a connection at once: with a reset over TCP; a unix socket knows no resets. */
function breakOff(socket: Socket): void {
  if (socket.remotePort === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
