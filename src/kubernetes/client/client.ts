import { randomUUID } from 'node:crypto';
import { sleep, systemClock } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Connection } from '../connection/index.ts';
import { ApiServers } from '../servers/index.ts';
import { answerOf, parseWatchEvent } from './answers.ts';
import { Deadline } from './deadline.ts';
import { ApiError } from './errors.ts';
import { Exchange } from './exchange.ts';
import type { Call, Payload } from './exchange.ts';
import { LineSplitter } from './line-splitter.ts';
import { listPages } from './paged-list.ts';
import type { PageEnd, PageVisitor } from './paged-list.ts';
import type { QueryParameters } from './paths.ts';
import { readList } from './read-list.ts';
import { Transport } from './transport.ts';
import type { ObjectList, WatchEvent } from './types.ts';

export interface ApiClientOptions {
  /** How the client presents itself; `nftproxy` if left out. */
  userAgent?: string;
  /** How long an answer may take unless a request says otherwise; 30 if left out. */
  timeoutSeconds?: number;
  /** Who asks, such as a node's name: clients with different ones spread over the API servers. Chance if left out. */
  seed?: string;
  /** An API server cannot be reached, or does not answer in time, and another one is asked from now on. */
  onServerFailure?: (server: string, error: Error) => void;
  clock?: Clock;
}

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

/** A page can be the whole collection when the API server serves it from its cache. */
const listTimeoutSeconds = 120;
const busyRetries = 3;
const longestBusyWaitSeconds = 15;

/**
 * Speaks JSON with the API servers of one cluster over pooled connections: with one, and when that cannot be reached with
 * the next. Paths come from {@link resourcePath}.
 *
 * Every method rejects with an {@link ApiError} when the server answers with an error and with a
 * {@link ConnectionError} when it does not answer. Requests that the server turns away because it is busy (429, or 503,
 * with Retry-After) are repeated up to three times after the time that it asks for; it has not executed them.
 */
export class ApiClient {
  /** All API servers of the cluster that are known: at first the one that the connection names. */
  readonly servers: ApiServers;
  readonly #transport: Transport;
  readonly #exchange: Exchange;
  readonly #timeoutSeconds: number;
  readonly #clock: Clock;
  readonly #closed = new AbortController();

  constructor(connection: Connection, o: ApiClientOptions = {}) {
    this.#timeoutSeconds = o.timeoutSeconds ?? 30;
    this.#clock = o.clock ?? systemClock;
    this.servers = ApiServers.of(connection, {
      seed: o.seed ?? randomUUID(),
      onFailure: o.onServerFailure,
      clock: this.#clock,
    });
    this.#transport = new Transport(connection, this.servers, o.userAgent ?? 'nftproxy');
    this.#exchange = new Exchange(this.#transport, this.#clock, this.#closed.signal);
  }

  /** Base URL of the API server in use. */
  get server(): string {
    return this.servers.current;
  }

  /** Reads an object, or any other JSON document of the server. */
  get<T>(path: string, query: QueryParameters = {}, o: RequestOptions = {}): Promise<T> {
    return this.#request({ method: 'GET', path, query }, o);
  }

  /** Creates an object in the collection `path`; answers with it as stored. */
  create<T>(path: string, body: object, o: RequestOptions = {}): Promise<T> {
    return this.#request({ method: 'POST', path, payload: json(body) }, o);
  }

  /** Replaces an object; a `metadata.resourceVersion` in it makes a change by others a conflict (409). */
  replace<T>(path: string, body: object, o: RequestOptions = {}): Promise<T> {
    return this.#request({ method: 'PUT', path, payload: json(body) }, o);
  }

  /** Deletes an object. */
  async delete(path: string, o: DeleteOptions = {}): Promise<void> {
    const { preconditions, propagationPolicy, ...request } = o;
    const options = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy };
    await this.#request({ method: 'DELETE', path, payload: json(options) }, request);
  }

  /** Server-side apply: creates the object or changes the fields that `body` names; gives up those it no longer does. */
  apply<T>(path: string, body: object, o: ApplyOptions): Promise<T> {
    const { fieldManager, force, ...request } = o;
    const payload = { contentType: 'application/apply-patch+yaml', value: body };
    return this.#request({ method: 'PATCH', path, query: { fieldManager, force }, payload }, request);
  }

  /** JSON merge patch (RFC 7396): null removes a field, lists are replaced whole. */
  mergePatch<T>(path: string, patch: object, o: RequestOptions & { fieldManager?: string } = {}): Promise<T> {
    const { fieldManager, ...request } = o;
    const payload = { contentType: 'application/merge-patch+json', value: patch };
    return this.#request({ method: 'PATCH', path, query: { fieldManager }, payload }, request);
  }

  /** A whole collection, fetched in pages of 500 unless `query.limit` says otherwise. */
  async listAll<T>(path: string, query: QueryParameters = {}, o: RequestOptions = {}): Promise<ObjectList<T>> {
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
   * A whole collection, bit by bit, for those who keep only a part of each object. However large the pages are that the
   * server sends, some tens of items are held and parsed at a time (see `ListParts`), and the event loop goes round in between.
   *
   * @param visit sees some items at a time. `first` also marks a fresh start: what was seen before no longer counts
   * @returns the resourceVersion of the list
   */
  listPages<T>(path: string, query: QueryParameters, visit: PageVisitor<T>, o: RequestOptions = {}): Promise<string> {
    const options = { timeoutSeconds: listTimeoutSeconds, ...o };
    const fetchPage = (page: QueryParameters, visitSome: (items: readonly T[]) => void): Promise<PageEnd> => {
      const call: Call = { method: 'GET', path, query: page };
      // As in watch(): the server's schema is the authority.
      const visitUnknown = (items: readonly unknown[]): void => visitSome(items as readonly T[]);
      return this.#patiently(o.signal, () =>
        this.#attempt(options, (signal) => this.#page(call, visitUnknown, signal)),
      );
    };
    return listPages(fetchPage, path, query, visit);
  }

  /**
   * Watches a collection, from `query.resourceVersion` on, with bookmarks unless `query.allowWatchBookmarks` is false.
   * Ends when the server ends it; never retries and never times out by itself once the server has answered.
   *
   * @param o.opened called when the server has answered that there will be events
   * @throws ApiError if the server refuses (410: the version is too old) or sends an ERROR event; ConnectionError if
   * the connection breaks; Error for an event that is not understood; the signal's reason when it aborts
   */
  async *watch<T>(
    path: string,
    query: QueryParameters,
    o: { signal?: AbortSignal; opened?: () => void } = {},
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const deadline = new Deadline(this.#clock, this.#timeoutSeconds, o.signal);
    const parameters = { allowWatchBookmarks: true, ...query, watch: true };
    try {
      const chunks = await this.#exchange.body({ method: 'GET', path, query: parameters }, deadline.signal);
      if (chunks instanceof ApiError) throw chunks;
      deadline.met();
      o.opened?.();
      const splitter = new LineSplitter();
      for await (const chunk of chunks) {
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

  async #request<T>(call: Call, o: RequestOptions): Promise<T> {
    const answer = await this.#patiently(o.signal, () =>
      this.#attempt(o, (signal) => this.#exchange.answer(call, signal)),
    );
    // As in listPages().
    return answer.value as T;
  }

  /** Tries again, after the time that it asks for, what a busy server turns away. */
  async #patiently<R>(signal: AbortSignal | undefined, attempt: () => Promise<R | ApiError>): Promise<R> {
    for (let tries = 0; ; tries += 1) {
      const answer = await attempt();
      if (!(answer instanceof ApiError)) return answer;
      const seconds = answer.status === 429 || answer.status === 503 ? answer.retryAfterSeconds : undefined;
      if (seconds === undefined || seconds > longestBusyWaitSeconds || tries === busyRetries) throw answer;
      await sleep(this.#clock, seconds * 1000, signal ?? this.#closed.signal);
      signal?.throwIfAborted();
    }
  }

  /** One request within its time. */
  async #attempt<R>(o: RequestOptions, request: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const deadline = new Deadline(this.#clock, o.timeoutSeconds ?? this.#timeoutSeconds, o.signal);
    try {
      return await request(deadline.signal);
    } finally {
      deadline.end();
    }
  }

  /** One answer to a list. */
  async #page(call: Call, visit: (item: readonly unknown[]) => void, signal: AbortSignal): Promise<PageEnd | ApiError> {
    const chunks = await this.#exchange.body(call, signal);
    if (chunks instanceof ApiError) return chunks;
    return readList(chunks, {
      parse: (text) => answerOf(call, text),
      visit,
      yield: () => new Promise<void>((resolve) => this.#clock.soon(resolve)),
    });
  }
}

function json(value: unknown): Payload {
  return { contentType: 'application/json', value };
}
