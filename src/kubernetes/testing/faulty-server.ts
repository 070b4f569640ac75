import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Collection } from './collection.ts';
import type { StoredObject, Watcher } from './collection.ts';

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An answer given instead of the right one. */
export interface CannedAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

interface Location {
  collection: Collection;
  namespace: string | undefined;
  name: string | undefined;
}

const pathPattern = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?$/;

/**
 * The parts of an API server that a client depends on (CRUD with optimistic concurrency, paged lists, watches with
 * bookmarks), with switches for everything that goes wrong in real ones.
 */
export class FaultyServer {
  /** Every request so far. */
  readonly seen: SeenRequest[] = [];
  /** Answers a request in place of the server when it returns something. */
  intercept: (request: SeenRequest) => CannedAnswer | undefined = () => undefined;
  /** Awaited between working an answer out and sending it: what it says can be old when it arrives. */
  delay: (request: SeenRequest) => Promise<unknown> | undefined = () => undefined;
  /** While true, requests are taken and never answered, and watches say nothing. */
  silent = false;
  /** Objects of a page at most, whatever `limit` says. */
  pageSize = Infinity;
  /** Lists come in one piece, as from the cache of a real API server. */
  ignoreLimit = false;
  /** TCP connections accepted so far. */
  connections = 0;
  readonly #http: Server;
  readonly #collections = new Map<string, Collection>();
  readonly #version = { current: 100 };

  private constructor() {
    this.#http = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        // A client that went away in the middle of its request is no concern of the server's.
        response.destroy(error instanceof Error ? error : undefined);
      });
    });
    this.#http.on('connection', () => (this.connections += 1));
  }

  static async start(): Promise<FaultyServer> {
    const server = new FaultyServer();
    await server.listen(0);
    return server;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The collection with this cluster-wide path, e.g. `/api/v1/services`. */
  collection(path: string): Collection {
    let collection = this.#collections.get(path);
    if (collection === undefined) this.#collections.set(path, (collection = new Collection(this.#version)));
    return collection;
  }

  /** Breaks all connections, in whatever they are doing. */
  dropConnections(): void {
    this.#http.closeAllConnections();
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#http.close(() => {
        resolve();
      });
    });
    this.dropConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const { method = 'GET', headers } = request;
    const seen = { method, path: url.pathname, query: url.searchParams, headers, body: await text(request) };
    this.seen.push(seen);
    if (this.silent) return;
    const canned = this.intercept(seen);
    if (canned !== undefined) {
      response.writeHead(canned.status, canned.headers).end(canned.body);
      return;
    }
    const [, root = '', namespace, plural = '', name] = pathPattern.exec(url.pathname) ?? [];
    const location = { collection: this.collection(`${root}/${plural}`), namespace, name };
    if (url.searchParams.get('watch') === 'true') this.#watch(seen, location, response);
    else {
      const result = this.#handle(seen, location);
      await this.delay(seen);
      answer(response, result);
    }
  }

  #handle(request: SeenRequest, { collection, namespace, name }: Location): { code: number; value: object } {
    if (request.method === 'POST') return collection.create(namespace, JSON.parse(request.body) as StoredObject);
    if (this.ignoreLimit) request.query.delete('limit');
    if (name === undefined) return collection.list(request.query, this.pageSize);
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    if (request.method === 'PUT') return collection.replace(key, JSON.parse(request.body) as StoredObject);
    if (request.method === 'PATCH') return collection.merge(key, JSON.parse(request.body) as object);
    if (request.method === 'DELETE') return collection.remove(key);
    return collection.read(key);
  }

  #watch(request: SeenRequest, { collection }: Location, response: ServerResponse): void {
    const version = Number(request.query.get('resourceVersion'));
    const watcher: Watcher = {
      from: version,
      send: (line) => {
        if (!this.silent) response.write(line);
      },
      end: () => {
        collection.unwatch(watcher);
        response.end();
      },
    };
    const refusal = collection.watch(version, watcher, () =>
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders(),
    );
    if (refusal !== undefined) answer(response, refusal);
    response.on('close', () => collection.unwatch(watcher));
  }
}

function answer(response: ServerResponse, { code, value }: { code: number; value: object }): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
