import type { ServerResponse } from 'node:http';
import type { ClusterState } from '../cluster-state.ts';
import type { JsonObject } from '../json.ts';
import { apiVersionOf, storageKey } from '../resources.ts';
import type { StatusError } from '../status.ts';
import { expired, noWatchList } from '../status.ts';
import type { Change } from '../store/store.ts';
import { Compacted, Entry } from '../store/store.ts';
import { entryText } from '../view/represent.ts';
import type { IncludeObject } from '../view/table.ts';
import { partialMetadata, toTable } from '../view/table.ts';
import type { Selection } from './list.ts';
import { versionOf } from './list.ts';
import type { Form } from './negotiation.ts';

export interface WatchOptions {
  bookmarks: boolean;
  /** After how long the server ends the watch, in milliseconds. */
  timeout: number;
  /** undefined: start with everything there is. */
  from: number | undefined;
  form: Form;
  include: IncludeObject;
}

/** The options of a watch from its query. Throws StatusError 400 and 422. */
export function watchOptions(query: URLSearchParams, form: Form): WatchOptions {
  if (query.has('sendInitialEvents')) throw noWatchList();
  const from = versionOf(query.get('resourceVersion'));
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  return {
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    timeout: (seconds > 0 ? seconds : 1800 + Math.random() * 1800) * 1000,
    // 0 and unset mean "anything", and then the present objects come first.
    from: from === 0 ? undefined : from,
    form,
    include: (query.get('includeObject') ?? 'Metadata') as IncludeObject,
  };
}

export function isTrue(text: string | null): boolean {
  return text === 'true' || text === '1';
}

/** How often bookmarks are sent, in milliseconds: the first soon after the start, then at intervals. */
export interface BookmarkTiming {
  first: number;
  every: number;
}

/**
 * What becomes of an event (a line of JSON, with its end) on its way to a client: the lines that are sent in its place. For
 * tests of clients that meet a proxy, or a server, with a fault.
 */
export type Disturbance = (line: string) => readonly string[];

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** An object that no longer matches is reported as it was when it did, with the resourceVersion of the change. */
function leaving(key: string, entry: Entry, change: Change): Entry {
  const object = change.previous?.object ?? entry.object;
  const metadata = { ...object.metadata, resourceVersion: String(change.revision) };
  return new Entry(key, { ...object, metadata }, change.revision);
}

/** One running watch: turns changes of the store into lines of an HTTP response. */
export class WatchStream {
  readonly #state: ClusterState;
  readonly #selection: Selection;
  readonly #response: ServerResponse;
  readonly #options: WatchOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #unsubscribe: () => void = () => undefined;
  #disturb: () => Disturbance | undefined = () => undefined;
  #sent: number;

  constructor(state: ClusterState, selection: Selection, response: ServerResponse, options: WatchOptions) {
    this.#state = state;
    this.#selection = selection;
    this.#response = response;
    this.#options = options;
    this.#sent = options.from ?? state.store.revision;
  }

  /** Sends what there is, then follows. Throws StatusError 410 before anything was sent. */
  start(timing: BookmarkTiming, disturb: () => Disturbance | undefined = () => undefined): void {
    this.#disturb = disturb;
    const { from, bookmarks, timeout } = this.#options;
    const resource = storageKey(this.#selection.resource);
    const missed = from === undefined ? [] : this.#since(resource, from);
    this.open();
    if (from === undefined) this.#sendPresent(resource);
    for (const change of missed) this.#follow(change);
    this.#unsubscribe = this.#state.store.subscribe(resource, (change) => {
      if (!this.#isInFuture(change.revision)) this.#follow(change);
    });
    this.#timers.push(setTimeout(() => this.end(), timeout));
    if (bookmarks) {
      this.#timers.push(setTimeout(() => this.#bookmark(), timing.first));
      this.#timers.push(setInterval(() => this.#bookmark(), timing.every));
    }
    this.#response.on('close', () => this.#release());
  }

  /** Sends the header of the answer. */
  open(): void {
    this.#response.writeHead(200, { 'content-type': 'application/json' });
    this.#response.flushHeaders();
  }

  #since(resource: string, from: number): Change[] {
    try {
      return this.#state.store.changesSince(resource, from);
    } catch (error) {
      if (error instanceof Compacted) throw expired(from, error.oldest);
      throw error;
    }
  }

  #sendPresent(resource: string): void {
    const { namespace } = this.#selection;
    for (const entry of this.#state.store.list(resource, { namespace })) {
      if (this.#selection.matches(entry.object)) this.#send('ADDED', entry);
    }
  }

  /** A change as this watch sees it: an object that starts or stops matching is added or deleted. */
  #follow(change: Change): void {
    this.#sent = change.revision;
    const entry = change.current ?? change.previous;
    if (!entry || !this.#concerns(entry)) return;
    const { matches } = this.#selection;
    const before = change.previous !== undefined && matches(change.previous.object);
    const after = change.current !== undefined && matches(change.current.object);
    if (after) this.#send(before ? 'MODIFIED' : 'ADDED', entry);
    else if (before) this.#send('DELETED', change.tombstone ?? leaving(change.key, entry, change));
  }

  /** As the real one: a watch from the future hears nothing, not even a bookmark, before the store has come there. */
  #isInFuture(revision: number): boolean {
    return revision <= (this.#options.from ?? 0);
  }

  /** Whether an object is in the namespace, and has the name, that this watch is about. */
  #concerns(entry: Entry): boolean {
    const { namespace, name } = this.#selection;
    const { metadata } = entry.object;
    return (namespace === '' || metadata.namespace === namespace) && (name === undefined || metadata.name === name);
  }

  #send(type: EventType, entry: Entry): void {
    this.#tell(`{"type":"${type}","object":${this.#text(entry)}}\n`);
  }

  #text(entry: Entry): string {
    const { resource } = this.#selection;
    const { form, include } = this.#options;
    if (form === 'object') return entryText(resource, entry);
    if (form === 'metadata') return JSON.stringify(partialMetadata(entry.object));
    const { resourceVersion } = entry.object.metadata;
    return JSON.stringify(toTable(resource, [entry.object], { resourceVersion }, include));
  }

  #bookmark(): void {
    const { resource } = this.#selection;
    if (this.#isInFuture(this.#state.store.revision + 1)) return;
    // The store is never ahead of what was sent: changes are announced as they are made.
    const metadata = { resourceVersion: String(this.#state.store.revision), creationTimestamp: null };
    const plain: JsonObject = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
    const table: JsonObject = {
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      columnDefinitions: [],
      rows: [],
    };
    const object = this.#options.form === 'table' ? table : plain;
    this.#tell(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }

  /** Tells the client that it has fallen behind (410 inside the stream) and ends the watch. */
  expire(): void {
    this.fail(expired(this.#sent, this.#state.store.revision));
  }

  /** Reports an error inside the stream and ends the watch. */
  fail(error: StatusError): void {
    this.#write(`${JSON.stringify({ type: 'ERROR', object: error.toStatus() })}\n`);
    this.end();
  }

  #tell(line: string): void {
    for (const each of this.#disturb()?.(line) ?? [line]) this.#write(each);
  }

  #write(line: string): void {
    // A client that does not read must not fill our memory.
    if (this.#response.writableLength > 256 * 1024 * 1024) this.#drop();
    else this.#response.write(line);
  }

  /** Ends the watch as a server does that has had enough. */
  end(): void {
    this.#release();
    this.#response.end();
  }

  /** Cuts the connection without a word. */
  #drop(): void {
    this.#release();
    // A reset is not to be had on a TLS socket.
    this.#response.socket?.destroy();
  }

  #release(): void {
    this.#unsubscribe();
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
