import type { Agent, buildConnector, Dispatcher } from 'undici';
import type { Connection, TlsMaterial } from '../connection/index.ts';
import { toError } from './errors.ts';
import { connectorFor, requestThrough, UndiciAgent } from './undici-core.ts';

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

/** Opens connections with one set of certificates. */
interface Connector {
  readonly material: TlsMaterial;
  readonly connect: buildConnector.connector;
}

const connectTimeoutMilliseconds = 10_000;
/** Idle connections are kept this long; API servers keep them longer, so that we are the ones who close. */
const keepAliveMilliseconds = 20_000;
/** Connections end after this time when idle, so that rotated client certificates come into use. */
const connectionLifeMilliseconds = 600_000;

/**
 * Pooled HTTP connections to one API server: one undici Agent, TLS material asked for anew with each connection,
 * credentials added to each request and renewed once when the server answers 401.
 */
export class Transport {
  readonly #connection: Connection;
  readonly #origin: string;
  readonly #prefix: string;
  readonly #userAgent: string;
  readonly #agent: Agent;
  #connector: Connector | undefined;

  constructor(connection: Connection, userAgent: string) {
    const url = new URL(connection.server);
    this.#connection = connection;
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, '');
    this.#userAgent = userAgent;
    this.#agent = new UndiciAgent({
      allowH2: false,
      // How long an answer may take is the caller's business: see HttpRequest.signal.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMilliseconds,
      clientTtl: connectionLifeMilliseconds,
      connect: (options, callback) => {
        this.#connect(options, callback);
      },
    });
  }

  /** Base URL of the server, without a trailing slash. */
  get server(): string {
    return this.#origin + this.#prefix;
  }

  /**
   * Sends a request; the body of the answer is still to be read.
   *
   * @throws what the network or TLS layer throws, the signal's reason, or what loading the credentials throws
   */
  async send(request: HttpRequest): Promise<Dispatcher.ResponseData> {
    const credentials = await this.#connection.authorization?.({ renew: false });
    const response = await this.#sendAs(request, credentials);
    if (response.statusCode !== 401 || this.#connection.authorization === undefined) return response;
    const renewed = await this.#connection.authorization({ renew: true });
    if (renewed === credentials) return response;
    await response.body.dump();
    return this.#sendAs(request, renewed);
  }

  /** Ends all connections; requests under way fail. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #sendAs(request: HttpRequest, authorization: string | undefined): Promise<Dispatcher.ResponseData> {
    return requestThrough.call(this.#agent, {
      origin: this.#origin,
      path: this.#prefix + request.target,
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

  #connect(options: buildConnector.Options, callback: buildConnector.Callback): void {
    this.#currentConnector().then(
      ({ connect, material }) => {
        const { serverName } = material;
        connect(serverName === undefined ? options : { ...options, servername: serverName }, callback);
      },
      (error: unknown) => {
        callback(toError(error), null);
      },
    );
  }

  /** The connector keeps TLS sessions for resumption, so it is replaced only when the material has changed. */
  async #currentConnector(): Promise<Connector> {
    const material = (await this.#connection.tls?.()) ?? {};
    if (this.#connector === undefined || !sameMaterial(this.#connector.material, material)) {
      this.#connector = { material, connect: connectorFor(connectOptions(material)) };
    }
    return this.#connector;
  }
}

function connectOptions(material: TlsMaterial): buildConnector.BuildOptions {
  return {
    allowH2: false,
    timeout: connectTimeoutMilliseconds,
    rejectUnauthorized: material.insecureSkipVerify !== true,
    ...(material.ca === undefined ? {} : { ca: material.ca }),
    ...(material.certificate === undefined ? {} : { cert: material.certificate }),
    ...(material.key === undefined ? {} : { key: material.key }),
  };
}

function sameMaterial(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    a.ca === b.ca &&
    a.certificate === b.certificate &&
    a.key === b.key &&
    a.insecureSkipVerify === b.insecureSkipVerify &&
    a.serverName === b.serverName
  );
}
