import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo, Server as NetServer } from 'node:net';
import type { Clock } from './clock.ts';
import { describeError } from './log.ts';
import { ServedCertificate } from './served-certificate.ts';
import type { CertificateFiles } from './served-certificate.ts';

/** An `import` of node:http would load all that it exports, Node's own fetch among it: 14 MB on every node. */
export const { createServer } = process.getBuiltinModule('node:http');

/** Where a server listens. */
export interface BindAddress {
  /** An IP address; `0.0.0.0` for all IPv4 addresses, `::` for all of both families; empty: of the families there are. */
  readonly host: string;
  readonly port: number;
}

/** Reads `10.0.0.1:10256` or `[::]:10256`. Throws an Error that says what is wrong with anything else. */
export function parseBindAddress(text: string): BindAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65535)) {
    throw new Error(
      `"${text}" is not an address to listen on; expected ADDRESS:PORT such as 0.0.0.0:10256 or [::]:10256`,
    );
  }
  return { host, port };
}

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export function formatBindAddress({ host, port }: BindAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export interface HttpListenerOptions {
  /** What is served, for messages: `health`. */
  readonly purpose: string;
  readonly bind: BindAddress;
  readonly handler: RequestListener;
  /** Over HTTPS with this certificate; left out: over HTTP. */
  readonly certificate?: CertificateFiles | undefined;
  /**
   * Told when the address cannot be bound, or the certificate not be used; not again while the reason stays the same.
   */
  readonly onBindFailure: (error: Error) => void;
  readonly onListening?: (address: BindAddress) => void;
  readonly clock: Clock;
}

/** An address may be taken for a while, say by the kube-proxy that is being replaced; a certificate may come late. */
const retryMilliseconds = 5000;
const timeouts: ServerOptions = { keepAliveTimeout: 10_000, requestTimeout: 30_000 };

/**
 * An HTTP or HTTPS server that keeps trying to get its address: the node's traffic must not depend on a free port, and a
 * port that another process gives up later is taken then. The same goes for its certificate.
 */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #certificate: ServedCertificate | undefined;
  #server: Server | TlsServer | undefined;
  #unfollow: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;
  #lastFailure: string | undefined;
  #closed = false;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    const { certificate, clock, onBindFailure } = options;
    if (certificate) this.#certificate = new ServedCertificate(certificate, clock, onBindFailure);
  }

  /** Why it does not listen, for people; undefined while it does, and before it has tried. */
  get failure(): string | undefined {
    return this.#lastFailure;
  }

  /** Tries once; resolves to whether it listens. If it does not, tries again every 5 s until closed. */
  async start(): Promise<boolean> {
    const { bind, onListening, clock } = this.#options;
    this.#cancelRetry?.();
    let server: Server | TlsServer;
    try {
      server = await this.#listening();
    } catch (error) {
      this.#report(error);
      if (!this.#closed) this.#cancelRetry = clock.after(retryMilliseconds, () => void this.start());
      return false;
    }
    if (this.#closed) {
      this.#unfollow?.();
      server.close();
      return false;
    }
    this.#server = server;
    this.#lastFailure = undefined;
    onListening?.(this.address ?? bind);
    return true;
  }

  /** The address in use (with the port that the system chose for port 0); undefined while not listening. */
  get address(): BindAddress | undefined {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    return address ? { host: address.address, port: address.port } : undefined;
  }

  /** Stops listening and cuts the connections that are open. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    const server = this.#server;
    this.#server = undefined;
    this.#unfollow?.();
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #listening(): Promise<Server | TlsServer> {
    const { bind, handler } = this.#options;
    if (!this.#certificate) {
      const server = createServer(timeouts, handler);
      await listen(server, bind);
      return server;
    }
    const secure = process.getBuiltinModule('node:https');
    const server = secure.createServer({ ...timeouts, ...(await this.#certificate.read()) }, handler);
    await listen(server, bind);
    this.#unfollow = this.#certificate.follow(server);
    return server;
  }

  #report(error: unknown): void {
    const failure = bindFailure(this.#options.purpose, this.#options.bind, error);
    if (failure.message === this.#lastFailure) return;
    this.#lastFailure = failure.message;
    this.#options.onBindFailure(failure);
  }
}

/** Listens or rejects. */
export function listen(server: NetServer, bind: BindAddress & { ipv6Only?: boolean }): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(error);
    server.once('error', failed);
    server.listen({ host: bind.host, port: bind.port, ipv6Only: bind.ipv6Only ?? false }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

const bindHints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process uses this port (a kube-proxy that still runs on the node?)',
  EADDRNOTAVAIL: 'this node has no such address',
  EACCES: 'the process may not use this port',
  EAFNOSUPPORT: 'this node has no IPv6',
};

/** An Error that says what cannot be served where, why, and what may be the cause. */
export function bindFailure(purpose: string, bind: BindAddress, cause: unknown): Error {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : describeError(cause);
  const hint = bindHints[code];
  const where = formatBindAddress(bind);
  return new Error(`cannot serve ${purpose} on ${where}: ${hint === undefined ? code : `${hint} (${code})`}`, {
    cause,
  });
}

/** The path of a request without its query. */
export function requestPath(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

/** Sends a whole answer that no cache keeps and no browser second-guesses. */
export function answer(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}
