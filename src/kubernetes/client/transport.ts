import type { Agent, Dispatcher } from 'undici';
import type { Connection } from '../connection/index.ts';
import type { ApiServer, ApiServers } from '../servers/index.ts';
import { Connectors } from './connectors.ts';
import { NoServerError, TimeoutError, toError } from './errors.ts';
import { requestThrough, UndiciAgent } from './undici-core.ts';

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

/** Idle connections are kept this long; API servers keep them longer, so that we are the ones who close. */
const keepAliveMilliseconds = 20_000;
/** Connections end after this time when idle, so that rotated client certificates come into use. */
const connectionLifeMilliseconds = 600_000;

/**
 * Pooled HTTP connections to the API servers of one cluster: one undici Agent, TLS material asked for anew with each
 * connection, credentials added to each request and renewed once when the server answers 401.
 *
 * A request goes to the server that {@link ApiServers} has first, and on to the next one as long as no connection can be
 * had. One that was sent is never repeated: it may have been carried out.
 */
export class Transport {
  readonly #connection: Connection;
  readonly #servers: ApiServers;
  readonly #userAgent: string;
  readonly #agent: Agent;
  readonly #connectors: Connectors;
  /** Of errors, which server it was. */
  readonly #origins = new WeakMap<Error, string>();

  constructor(connection: Connection, servers: ApiServers, userAgent: string) {
    this.#connection = connection;
    this.#servers = servers;
    this.#userAgent = userAgent;
    this.#connectors = new Connectors(connection, servers);
    this.#agent = new UndiciAgent({
      allowH2: false,
      // How long an answer may take is the caller's business: see HttpRequest.signal.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMilliseconds,
      clientTtl: connectionLifeMilliseconds,
      connect: (options, callback) => {
        this.#connectors.connect(options, callback);
      },
    });
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
  async send(request: HttpRequest): Promise<Dispatcher.ResponseData> {
    const credentials = await this.#connection.authorization?.({ renew: false });
    const failures: { server: string; error: Error }[] = [];
    for (const server of this.#servers.order()) {
      const answer = await this.#attempt(server, request, credentials);
      if (!(answer instanceof Error)) return this.#authorized(server, request, { response: answer, credentials });
      failures.push({ server: server.url, error: answer });
      if (request.signal.aborted || !this.#connectors.failedToConnect(answer)) throw answer;
    }
    const [first, ...others] = failures;
    throw first && others.length === 0 ? first.error : new NoServerError(failures);
  }

  /** Ends all connections; requests under way fail. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** One server's answer, or why there is none. What that means for the server is noted. */
  async #attempt(
    server: ApiServer,
    request: HttpRequest,
    credentials: string | undefined,
  ): Promise<Dispatcher.ResponseData | Error> {
    try {
      const response = await this.#sendTo(server, request, credentials);
      this.#servers.worked(server.url);
      return response;
    } catch (thrown) {
      const error = toError(thrown);
      this.#origins.set(error, server.url);
      // A connection that broke says little, and the next one that is opened tells. That a caller gave up says nothing.
      if (this.#connectors.failedToConnect(error) || error instanceof TimeoutError) {
        this.#servers.failed(server.url, error);
      }
      return error;
    }
  }

  /** The answer to somebody whom the server knows, if new credentials are all that it takes. */
  async #authorized(
    server: ApiServer,
    request: HttpRequest,
    { response, credentials }: { response: Dispatcher.ResponseData; credentials: string | undefined },
  ): Promise<Dispatcher.ResponseData> {
    if (response.statusCode !== 401 || this.#connection.authorization === undefined) return response;
    const renewed = await this.#connection.authorization({ renew: true });
    if (renewed === credentials) return response;
    await response.body.dump();
    return this.#sendTo(server, request, renewed);
  }

  #sendTo(
    server: ApiServer,
    request: HttpRequest,
    authorization: string | undefined,
  ): Promise<Dispatcher.ResponseData> {
    const { origin, pathname } = new URL(server.url);
    return requestThrough.call(this.#agent, {
      origin,
      path: pathname.replace(/\/+$/, '') + request.target,
      method: request.method,
      signal: request.signal,
      headers: {
        ...this.#connection.headers,
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...(authorization === undefined ? {} : { authorization }),
        ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
    });
  }
}
