import type { Server } from 'node:net';
import { bindFailure, formatBindAddress, listen } from '../../runtime/index.ts';
import type { BindAddress, Clock } from '../../runtime/index.ts';

export interface ListenerSetOptions {
  /** What is served, for messages. */
  readonly purpose: string;
  /** Makes a server, not listening yet, for one address. */
  readonly create: (bind: BindAddress) => Server;
  /** Told of an address that cannot be bound; again only if the reason changes. */
  readonly onBindFailure: (bind: BindAddress, error: Error) => void;
  readonly clock: Clock;
}

/** How long a taken port is left alone if nothing else gives reason to try again. */
const retryMilliseconds = 30_000;

/**
 * Servers on a set of addresses that changes: only the difference is opened and closed. Addresses that cannot be
 * bound are tried again at every change and every 30 s. Connections of a server that is closed may go on to their end.
 */
export class ListenerSet {
  readonly #options: ListenerSetOptions;
  readonly #servers = new Map<string, Server>();
  readonly #failures = new Map<string, string>();
  #desired = new Map<string, BindAddress>();
  #work: Promise<void> = Promise.resolve();
  #scheduled = false;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(options: ListenerSetOptions) {
    this.#options = options;
  }

  /** From now on these addresses should be served. Resolves when every one has been tried; never rejects. */
  set(desired: Iterable<BindAddress>): Promise<void> {
    this.#desired = new Map(Array.from(desired, (bind) => [formatBindAddress(bind), bind]));
    return this.#reconcileSoon();
  }

  /** The addresses that are served now. */
  *open(): IterableIterator<BindAddress> {
    for (const key of this.#servers.keys()) {
      const bind = this.#desired.get(key);
      if (bind !== undefined) yield bind;
    }
  }

  /** Stops listening everywhere; connections may go on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    await this.set([]);
  }

  /** One after the other, so that opening and closing the same address never overlap. */
  #reconcileSoon(): Promise<void> {
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#work = this.#work.then(() => this.#reconcile());
    }
    return this.#work;
  }

  async #reconcile(): Promise<void> {
    this.#scheduled = false;
    this.#cancelRetry?.();
    const desired = this.#desired;
    for (const [key, server] of this.#servers) {
      if (desired.has(key)) continue;
      server.close();
      this.#servers.delete(key);
    }
    for (const key of this.#failures.keys()) {
      if (!desired.has(key)) this.#failures.delete(key);
    }
    const missing = [...desired].filter(([key]) => !this.#servers.has(key));
    await Promise.all(missing.map(([key, bind]) => this.#open(key, bind)));
    if (this.#failures.size > 0 && !this.#closed) {
      this.#cancelRetry = this.#options.clock.after(retryMilliseconds, () => void this.#reconcileSoon());
    }
  }

  async #open(key: string, bind: BindAddress): Promise<void> {
    const server = this.#options.create(bind);
    try {
      // Each family by itself: 0.0.0.0 and :: may both be asked for.
      await listen(server, { ...bind, ipv6Only: true });
      this.#servers.set(key, server);
      this.#failures.delete(key);
    } catch (error) {
      const failure = bindFailure(this.#options.purpose, bind, error);
      if (this.#failures.get(key) === failure.message) return;
      this.#failures.set(key, failure.message);
      this.#options.onBindFailure(bind, failure);
    }
  }
}
