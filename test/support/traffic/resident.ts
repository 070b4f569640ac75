import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { inNamespace } from '../in-namespace.ts';
import type {
  Answer,
  Duties,
  EchoServer,
  FloodTarget,
  HttpAnswer,
  Listener,
  LoadResult,
  Order,
  Report,
  Requests,
  Stream,
  StreamTarget,
  Visit,
} from './protocol.ts';

/**
 * A thread of this process that lives in a network namespace: servers and clients there need no processes of their own.
 * (A network namespace belongs to a thread, and a new thread gets its maker's.)
 */
export class Resident {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #lastOrder = 0;
  #lastConnection = 0;

  private constructor(thread: Worker) {
    this.#thread = thread;
    thread.on('message', (report: Report) => {
      const asker = this.#waiting.get(report.id);
      this.#waiting.delete(report.id);
      if (report.error === undefined) asker?.resolve(report.result);
      else asker?.reject(new Error(report.error));
    });
    thread.on('error', (error: Error) => this.#giveUp(error));
    thread.once('exit', () => this.#giveUp(new Error('the thread in the namespace has ended')));
    // Whoever forgets a namespace does not hang because of it.
    thread.unref();
  }

  /** Starts the thread in the namespace at `path` (`/run/netns/…`). */
  static async moveIn(path: string): Promise<Resident> {
    // Node's pool of threads for files starts with its first use: that must not be in there.
    await stat(path);
    const script = new URL('./resident-main.ts', import.meta.url);
    return new Resident(inNamespace(path, () => new Worker(script, { execArgv: [] })));
  }

  /** Ends the thread, and all its sockets with it. */
  async leave(): Promise<void> {
    await this.#thread.terminate();
  }

  /** See `Namespace.serve`. */
  async serve(listeners: readonly Listener[]): Promise<EchoServer> {
    const server = await this.#tell('serve', listeners);
    return { stop: () => this.#tell('close', server) };
  }

  /** See `Namespace.request`. */
  request(requests: Requests): Promise<Answer[]> {
    return this.#tell('request', requests);
  }

  /** See `Namespace.get`. */
  get(url: string, timeoutMilliseconds: number): Promise<HttpAnswer> {
    return this.#tell('get', url, timeoutMilliseconds);
  }

  /** So many HTTP requests, eight at a time, each over a new connection. */
  load(url: string, count: number): Promise<LoadResult> {
    return this.#tell('load', url, count);
  }

  /** So many HTTP requests, one after the other over one connection. */
  loadOneConnection(url: string, count: number): Promise<LoadResult> {
    return this.#tell('loadOneConnection', url, count);
  }

  /** About 100 HTTP requests a second, each over a new connection, while `during` runs. */
  async loadWhile(url: string, during: () => Promise<void>): Promise<LoadResult> {
    await this.#tell('beginLoad', url);
    try {
      await during();
    } catch (error) {
      await this.#tell('endLoad');
      throw error;
    }
    return this.#tell('endLoad');
  }

  /** Opens a connection and keeps it; tells which endpoint answered. Rejects with the error code. */
  async open(address: string, port = 80): Promise<{ id: number; server: string }> {
    const id = ++this.#lastConnection;
    return { id, server: await this.#tell('open', id, address, port) };
  }

  /** Says something on a connection that is open, and tells who answered. Rejects if it broke. */
  talk(id: number): Promise<string> {
    return this.#tell('talk', id);
  }

  /** Ends a connection in an orderly way. */
  hangUp(id: number): Promise<void> {
    return this.#tell('hangUp', id);
  }

  /** Ends a connection by a reset. */
  reset(id: number): Promise<void> {
    return this.#tell('reset', id);
  }

  /** Makes TCP connections, one after the other on each lane, until {@link endFlood}. */
  flood(target: FloodTarget): Promise<void> {
    return this.#tell('flood', target);
  }

  /** Ends the flood and tells how each connection went. */
  endFlood(): Promise<readonly Visit[]> {
    return this.#tell('endFlood');
  }

  /** Sends datagrams from sockets that stay, until {@link endStream}. Resolves when each has had an answer. */
  stream(target: StreamTarget): Promise<void> {
    return this.#tell('stream', target);
  }

  /** Ends the streams and tells how each went. */
  endStream(): Promise<readonly Stream[]> {
    return this.#tell('endStream');
  }

  #tell<Duty extends keyof Duties>(duty: Duty, ...parameters: Parameters<Duties[Duty]>): ReturnType<Duties[Duty]> {
    const id = ++this.#lastOrder;
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#thread.postMessage({ id, duty, parameters } satisfies Order);
    });
    return answer as ReturnType<Duties[Duty]>;
  }

  #giveUp(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
