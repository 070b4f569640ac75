import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Connection } from '../connection/index.ts';
import type { ApiServer, ApiServers } from '../servers/index.ts';
import { Agents } from './agents.ts';
import { NoServerError, TimeoutError, toError } from './errors.ts';
import { openingOf } from './opening.ts';

const { request: plainRequest } = process.getBuiltinModule('node:http');
const { request: tlsRequest } = process.getBuiltinModule('node:https');

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One HTTP request; `body` is JSON text. */
export interface HttpRequest {
  readonly method: Method;
  /** Path and query, as the API server knows them. */
  readonly target: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** An answer as it begins; its body is still to be read, or to be destroyed. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Buffer> & Pick<IncomingMessage, 'resume'>;
}

/**
 * HTTP requests to the API servers of one cluster over connections that are kept ({@link Agents}), with credentials
 * that are renewed once when the server answers 401.
 *
 * A request goes to the server that {@link ApiServers} has first, and on to the next one as long as no connection can be
 * had. One that was sent is never repeated, it may have been carried out, unless it only reads and the connection was an
 * old one.
 */
export class Transport {
  readonly #connection: Connection;
  readonly #servers: ApiServers;
  readonly #userAgent: string;
  readonly #agents: Agents;
  /** Under way, to the end of their answers. */
  readonly #requests = new Set<ClientRequest>();
  /** A request that only reads went over a connection that was kept, and that the server had closed meanwhile. */
  readonly #stale = new WeakSet<Error>();
  /** The connection for the request could not be opened: it was not sent. */
  readonly #unsent = new WeakSet<Error>();
  /** Of errors, which server it was. */
  readonly #origins = new WeakMap<Error, string>();

  constructor(connection: Connection, servers: ApiServers, userAgent: string) {
    this.#connection = connection;
    this.#servers = servers;
    this.#userAgent = userAgent;
    this.#agents = new Agents(connection, servers);
  }

  /** Base URL of the server that an error came from, or of the one in use; without a trailing slash. */
  serverOf(error: unknown): string {
    return (error instanceof Error ? this.#origins.get(error) : undefined) ?? this.#servers.current;
  }

  /**
   * Sends a request; the body of the answer is still to be read.
   *
   * @throws what the network or TLS layer throws, NoServerError if that was so with several servers, the signal's reason,
   * or what loading the credentials throws
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const credentials = await this.#connection.authorization?.({ renew: false });
    const failures: { server: string; error: Error }[] = [];
    for (const server of this.#servers.order()) {
      const answer = await this.#attempt(server, request, credentials);
      if (!(answer instanceof Error)) return this.#authorized(server, request, { response: answer, credentials });
      failures.push({ server: server.url, error: answer });
      if (request.signal.aborted || !this.#unsent.has(answer)) throw answer;
    }
    const [first, ...others] = failures;
    throw first && others.length === 0 ? first.error : new NoServerError(failures);
  }

  /** Ends all connections; requests under way fail, and have when this resolves. */
  async close(): Promise<void> {
    const ended = [...this.#requests].map((request) => new Promise<void>((resolve) => request.once('close', resolve)));
    for (const request of this.#requests) request.destroy();
    this.#agents.close();
    await Promise.all(ended);
  }

  /** One server's answer, or why there is none. What that means for the server is noted. */
  async #attempt(
    server: ApiServer,
    request: HttpRequest,
    credentials: string | undefined,
  ): Promise<HttpAnswer | Error> {
    try {
      const response = await this.#sendTo(server, request, credentials);
      this.#servers.worked(server.url);
      return response;
    } catch (thrown) {
      const error = toError(thrown);
      this.#origins.set(error, server.url);
      // A connection that broke says little, and the next one that is opened tells. That a caller gave up says nothing.
      if (this.#unsent.has(error) || error instanceof TimeoutError) {
        this.#servers.failed(server.url, error);
      }
      return error;
    }
  }

  /** The answer to somebody whom the server knows, if new credentials are all that it takes. */
  async #authorized(
    server: ApiServer,
    request: HttpRequest,
    { response, credentials }: { response: HttpAnswer; credentials: string | undefined },
  ): Promise<HttpAnswer> {
    if (response.status !== 401 || this.#connection.authorization === undefined) return response;
    const renewed = await this.#connection.authorization({ renew: true });
    if (renewed === credentials) return response;
    response.body.resume();
    return this.#sendTo(server, request, renewed);
  }

  /** As Go's net/http does: who only reads asks again over another connection when one that was kept is closed. */
  async #sendTo(server: ApiServer, request: HttpRequest, authorization: string | undefined): Promise<HttpAnswer> {
    while (true) {
      try {
        return await this.#sendOnce(server, request, authorization);
      } catch (error) {
        if (!this.#stale.has(toError(error))) throw error;
      }
    }
  }

  async #sendOnce(server: ApiServer, request: HttpRequest, authorization: string | undefined): Promise<HttpAnswer> {
    const { origin, protocol, pathname } = new URL(server.url);
    const base = new URL(origin);
    const agent = await this.#agents.agentFor(base);
    const send = protocol === 'http:' ? plainRequest : tlsRequest;
    const outgoing = send(base, {
      path: pathname.replace(/\/+$/, '') + request.target,
      method: request.method,
      agent,
      headers: {
        ...this.#connection.headers,
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...(authorization === undefined ? {} : { authorization }),
        ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
        // Node adds it for some methods only.
        ...(request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) }),
      },
    });
    return this.#answerTo(outgoing, request, this.#servers.isLastHope(origin));
  }

  async #answerTo(
    outgoing: ClientRequest,
    { method, body, signal }: HttpRequest,
    lastHope: boolean,
  ): Promise<HttpAnswer> {
    const opening = openingOf(outgoing, lastHope);
    const giveUp = (): void => void outgoing.destroy();
    signal.addEventListener('abort', giveUp);
    this.#requests.add(outgoing);
    outgoing.once('close', () => {
      this.#requests.delete(outgoing);
      signal.removeEventListener('abort', giveUp);
    });
    try {
      return await new Promise<HttpAnswer>((resolve, reject) => {
        outgoing.once('response', (answer) => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer });
        });
        // To the end: what breaks while the answer is read comes by its body too.
        outgoing.on('error', reject);
        outgoing.end(body);
        if (signal.aborted) giveUp();
      });
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      const error = toError(thrown);
      if (!opening.done) this.#unsent.add(error);
      else if (outgoing.reusedSocket && method === 'GET') this.#stale.add(error);
      throw error;
    }
  }
}
