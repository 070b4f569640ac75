import { unlink } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo, ListenOptions, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Certificates } from './auth/certificates.ts';

export interface Handlers {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  /** A client wants to speak another protocol on this connection. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

async function listen(server: Server, where: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
}

/** An HTTPS server on a TCP port, and on a unix socket as well if a path is given. */
export class Listener {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #certificates: Certificates;
  readonly #handlers: Handlers;

  constructor(certificates: Certificates, handlers: Handlers) {
    this.#certificates = certificates;
    this.#handlers = handlers;
  }

  #server(): Server {
    const { serverCertificate, serverKey } = this.#certificates;
    // HTTP/1.1 only.
    const tls = { cert: serverCertificate, key: serverKey };
    const server = createServer({ ...tls, keepAliveTimeout: 120_000, requestTimeout: 0 }, this.#handlers.request);
    server.on('upgrade', this.#handlers.upgrade);
    // HTTP knows a connection only after its TLS handshake: one in the middle of it must not keep us from closing.
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    // A client that hangs up in the middle of the handshake is no concern of ours.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    this.#servers.push(server);
    return server;
  }

  /** Answers the TCP port. Throws when the address is in use. */
  async listen(o: { host: string; port: number; unixSocket: string | undefined }): Promise<number> {
    const server = this.#server();
    await listen(server, { host: o.host, port: o.port });
    if (o.unixSocket !== undefined) {
      await unlink(o.unixSocket).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      });
      await listen(this.#server(), { path: o.unixSocket });
    }
    return (server.address() as AddressInfo).port;
  }

  /** Cuts every connection and closes the ports. */
  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(async (server) => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeAllConnections();
        for (const socket of this.#sockets) socket.destroy();
        await closed;
      }),
    );
  }
}
