import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';

/** Hands connections on to a port of this machine and counts the bytes (of TLS) in both directions. */
export class CountingProxy {
  /** To the API server, and from it. */
  readonly bytes = { sent: 0, received: 0 };
  readonly #server: Server;

  private constructor(target: number) {
    this.#server = createServer((from) => {
      const to = connect(target, '127.0.0.1');
      from.on('data', (part) => (this.bytes.sent += part.length));
      to.on('data', (part) => (this.bytes.received += part.length));
      // Either side may go first; what is left of the other has nobody to talk to.
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        one.on('error', () => other.destroy());
        one.pipe(other);
      }
    });
  }

  static async start(target: number): Promise<CountingProxy> {
    const proxy = new CountingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
  }
}
