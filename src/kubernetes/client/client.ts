import type { Dispatcher } from 'undici';
import { answerOf, apiErrorOf, parseWatchEvent } from './answers.ts';
import { sleep, systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from '../connection/index.ts';
import { Deadline } from './deadline.ts';
import { ApiError, ConnectionError, TimeoutError, toError } from './errors.ts';
import { LineSplitter } from './line-splitter.ts';
import { listPages } from './paged-list.ts';
import type { PageVisitor } from './paged-list.ts';
import { withQuery } from './paths.ts';
import type { Query } from './paths.ts';
import { Transport } from './transport.ts';
import type { Method } from './transport.ts';
import type { ObjectList, WatchEvent } from './types.ts';

/** What any single request may be given. */
export interface RequestOptions {
  /** Gives the request up; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** How long the answer may take; 30 if left out. */
  timeoutSeconds?: number;
}

export interface DeleteOptions extends RequestOptions {
  preconditions?: { uid?: string; resourceVersion?: string };
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

export interface ApplyOptions extends RequestOptions {
  fieldManager: string;
  /** Take over fields that belong to other managers, instead of failing with a conflict. */
  force?: boolean;
}

interface Payload {
  readonly contentType: string;
  readonly value: unknown;
}

/** A page can be the whole collection when the API server serves it from its cache. */
const listTimeoutSeconds = 120;
const busyRetries = 3;
const longestBusyWaitSeconds = 15;

/**
 * Speaks JSON with one API server over pooled connections. Paths come from {@link resourcePath}.
 *
 * Every method rejects with an {@link ApiError} when the server answers with an error and with a
 * {@link ConnectionError} when it does not answer. Requests that the server turns away because it is busy (429, or 503,
 * with Retry-After) are repeated up to three times after the time that it asks for; it has not executed them.
 */
export class ApiClient {
  readonly #transport: Transport;
  readonly #timeoutSeconds: number;
  readonly #clock: Clock;
  readonly #closed = new AbortController();

  constructor(connection: Connection, o: { userAgent?: string; timeoutSeconds?: number; clock?: Clock } = {}) {
    this.#transport = new Transport(connection, o.userAgent ?? 'nftproxy');
    this.#timeoutSeconds = o.timeoutSeconds ?? 30;
    this.#clock = o.clock ?? systemClock;
  }

  /** Base URL of the API server. */
  get server(): string {
    return this.#transport.server;
  }

  /** Reads an object, or any other JSON document of the server. */
  get<T>(path: string, query: Query = {}, o: RequestOptions = {}): Promise<T> {
    return this.#request('GET', path, query, undefined, o);
  }

  /** Creates an object in the collection `path`; answers with it as stored. */
  create<T>(path: string, body: object, o: RequestOptions = {}): Promise<T> {
    return this.#request('POST', path, {}, json(body), o);
  }

  /** Replaces an object; a `metadata.resourceVersion` in it makes a change by others a conflict (409). */
  replace<T>(path: string, body: object, o: RequestOptions = {}): Promise<T> {
    return this.#request('PUT', path, {}, json(body), o);
  }

  /** Deletes an object. */
  async delete(path: string, o: DeleteOptions = {}): Promise<void> {
    const { preconditions, propagationPolicy, ...request } = o;
    const options = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy };
    await this.#request('DELETE', path, {}, json(options), request);
  }

  /** Server-side apply: creates the object or changes the fields that `body` names; gives up those it no longer does. */
  apply<T>(path: string, body: object, o: ApplyOptions): Promise<T> {
    const { fieldManager, force, ...request } = o;
    const payload = { contentType: 'application/apply-patch+yaml', value: body };
    return this.#request('PATCH', path, { fieldManager, force }, payload, request);
  }

  /** JSON merge patch (RFC 7396): null removes a field, lists are replaced whole. */
  mergePatch<T>(path: string, patch: object, o: RequestOptions & { fieldManager?: string } = {}): Promise<T> {
    const { fieldManager, ...request } = o;
    const payload = { contentType: 'application/merge-patch+json', value: patch };
    return this.#request('PATCH', path, { fieldManager }, payload, request);
  }

  /** A whole collection, fetched in pages of 500. */
  async listAll<T>(path: string, query: Query = {}, o: RequestOptions = {}): Promise<ObjectList<T>> {
    let items: T[] = [];
    const resourceVersion = await this.listPages<T>(
      path,
      query,
      (page, first) => {
        items = first ? [...page] : items.concat(page);
      },
      o,
    );
    return { items, resourceVersion };
  }

  /**
   * A whole collection, page by page, for those who keep only a part of each object.
   *
   * @param visit sees each page in turn. `first` also marks a fresh start: what was seen before no longer counts
   * @returns the resourceVersion of the list
   */
  listPages<T>(path: string, query: Query, visit: PageVisitor<T>, o: RequestOptions = {}): Promise<string> {
    const options = { timeoutSeconds: listTimeoutSeconds, ...o };
    return listPages((pageQuery) => this.#request('GET', path, pageQuery, undefined, options), path, query, visit);
  }

  /**
   * Watches a collection, from `query.resourceVersion` on, with bookmarks unless `query.allowWatchBookmarks` is false.
   * Ends when the server ends it; never retries and never times out by itself once the server has answered.
   *
   * @throws ApiError if the server refuses (410: the version is too old) or sends an ERROR event; ConnectionError if
   * the connection breaks; Error for an event that is not understood; the signal's reason when it aborts
   */
  async *watch<T>(path: string, query: Query, signal?: AbortSignal): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const deadline = new Deadline(this.#timeoutSeconds, signal);
    try {
      const target = withQuery(path, { allowWatchBookmarks: true, ...query, watch: true });
      const response = await this.#send('GET', path, target, undefined, deadline.signal);
      if (response.statusCode >= 300) throw await this.#failure('GET', path, response, deadline.signal);
      deadline.met();
      const splitter = new LineSplitter();
      for await (const chunk of this.#chunks(path, response, deadline.signal)) {
        // The API server's schema is the authority for its objects; callers name the type they asked for.
        for (const line of splitter.push(chunk)) yield parseWatchEvent(path, line) as WatchEvent<T>;
      }
      const rest = splitter.rest();
      if (rest !== '') yield parseWatchEvent(path, rest) as WatchEvent<T>;
    } finally {
      deadline.end();
    }
  }

  /** Ends all connections; requests and watches under way fail. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the client was closed'));
    await this.#transport.close();
  }

  async *#chunks(path: string, response: Dispatcher.ResponseData, signal: AbortSignal): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of response.body as AsyncIterable<Buffer>) yield chunk;
    } catch (error) {
      throw this.#failedBy(error, 'GET', path, signal);
    }
  }

  async #request<T>(
    method: Method,
    path: string,
    query: Query,
    payload: Payload | undefined,
    o: RequestOptions,
  ): Promise<T> {
    const target = withQuery(path, query);
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.#attempt(method, path, target, payload, o);
      // As in watch(): the server's schema is the authority.
      if (!(answer instanceof ApiError)) return answer.value as T;
      const seconds = answer.status === 429 || answer.status === 503 ? answer.retryAfterSeconds : undefined;
      if (seconds === undefined || seconds > longestBusyWaitSeconds || attempt === busyRetries) throw answer;
      await sleep(this.#clock, seconds * 1000, o.signal ?? this.#closed.signal);
      o.signal?.throwIfAborted();
    }
  }

  async #attempt(
    method: Method,
    path: string,
    target: string,
    payload: Payload | undefined,
    o: RequestOptions,
  ): Promise<{ value: unknown } | ApiError> {
    const deadline = new Deadline(o.timeoutSeconds ?? this.#timeoutSeconds, o.signal);
    try {
      const response = await this.#send(method, path, target, payload, deadline.signal);
      if (response.statusCode >= 300) return await this.#failure(method, path, response, deadline.signal);
      const text = await this.#step(method, path, deadline.signal, () => response.body.text());
      return { value: answerOf(method, path, text) };
    } finally {
      deadline.end();
    }
  }

  async #send(
    method: Method,
    path: string,
    target: string,
    payload: Payload | undefined,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    this.#closed.signal.throwIfAborted();
    const body = payload === undefined ? {} : { contentType: payload.contentType, body: JSON.stringify(payload.value) };
    return this.#step(method, path, signal, () => this.#transport.send({ method, target, signal, ...body }));
  }

  async #failure(
    method: Method,
    path: string,
    response: Dispatcher.ResponseData,
    signal: AbortSignal,
  ): Promise<ApiError> {
    const text = await this.#step(method, path, signal, () => response.body.text());
    return apiErrorOf(method, path, response.statusCode, response.headers, text);
  }

  async #step<R>(method: Method, path: string, signal: AbortSignal, step: () => Promise<R>): Promise<R> {
    try {
      return await step();
    } catch (error) {
      throw this.#failedBy(error, method, path, signal);
    }
  }

  /** What a request that got no (full) answer rejects with. */
  #failedBy(error: unknown, method: Method, path: string, signal: AbortSignal): Error {
    if (this.#closed.signal.aborted) return toError(this.#closed.signal.reason);
    const timedOut = signal.reason instanceof TimeoutError;
    if (signal.aborted && !timedOut) return toError(signal.reason);
    return new ConnectionError(method, this.server + path, timedOut ? signal.reason : error);
  }
}

function json(value: unknown): Payload {
  return { contentType: 'application/json', value };
}
