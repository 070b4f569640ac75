import { EventEmitter } from 'node:events';
import type { KubeObject } from '../json.ts';
import { SortedKeys } from './sorted-keys.ts';

/** One version of one object. Never changes: a write makes a new entry. */
export class Entry {
  readonly key: string;
  readonly object: Readonly<KubeObject>;
  readonly revision: number;
  #body: string | undefined;

  constructor(key: string, object: KubeObject, revision: number) {
    this.key = key;
    this.object = object;
    this.revision = revision;
  }

  /** The JSON of everything but apiVersion and kind, without the opening brace; made once per version. */
  body(): string {
    return (this.#body ??= JSON.stringify({ ...this.object, apiVersion: undefined, kind: undefined }).slice(1));
  }
}

/** A change: `current` is absent after a deletion, `previous` before a creation. */
export interface Change {
  revision: number;
  resource: string;
  key: string;
  current: Entry | undefined;
  previous: Entry | undefined;
  /** The object as it was last, with the resourceVersion of its deletion. Only for deletions. */
  tombstone?: Entry;
}

/** The asked-for revision is older than what the store still remembers. */
export class Compacted extends Error {
  readonly oldest: number;

  constructor(wanted: number, oldest: number) {
    super(`revision ${wanted} has been compacted; the oldest known is ${oldest}`);
    this.oldest = oldest;
  }
}

interface Collection {
  entries: Map<string, Entry>;
  keys: SortedKeys;
  /** The last changes, oldest first. */
  history: Change[];
  /** Changes up to this revision are forgotten. */
  compacted: number;
}

export interface ListOptions {
  namespace?: string | undefined;
  /** The state as of this revision; the newest when left out. Throws Compacted. */
  at?: number;
  /** Only keys behind this one. */
  after?: string;
}

/**
 * What etcd is to the real API server: objects by resource ("group/plural") and key ("namespace/name" or "name"), one
 * counter of revisions for everything, the last changes of each resource for watches, and compaction. In memory; it
 * outlives the listener, so that a test can stop and start the API server without losing the cluster's state.
 */
export class Store {
  readonly #collections = new Map<string, Collection>();
  readonly #pending: Change[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #historyLimit: number;
  #revision: number;
  /** Collections that come later start with this: they have no history before it either. */
  #compacted = 0;

  /** @param historyLimit how many changes of each resource are remembered for watches and consistent pages */
  constructor(o: { historyLimit?: number; firstRevision?: number } = {}) {
    this.#historyLimit = o.historyLimit ?? 20_000;
    this.#revision = o.firstRevision ?? 1;
  }

  /** The newest revision: the resourceVersion of a list made now. */
  get revision(): number {
    return this.#revision;
  }

  resources(): string[] {
    return [...this.#collections.keys()];
  }

  get(resource: string, key: string): Entry | undefined {
    return this.#collections.get(resource)?.entries.get(key);
  }

  /** Entries in the order of their keys. */
  list(resource: string, o: ListOptions = {}): Entry[] {
    const collection = this.#collections.get(resource);
    if (!collection) return [];
    const prefix = o.namespace ? `${o.namespace}/` : '';
    const past = o.at === undefined ? undefined : this.#overrides(collection, o.at);
    if (!past) return this.#select(collection.keys.range(prefix, o.after), (key) => collection.entries.get(key));
    const keys = new SortedKeys([...new Set([...collection.entries.keys(), ...past.keys()])]);
    return this.#select(keys.range(prefix, o.after), (key) =>
      past.has(key) ? past.get(key) : collection.entries.get(key),
    );
  }

  #select(keys: string[], find: (key: string) => Entry | undefined): Entry[] {
    const found: Entry[] = [];
    for (const key of keys) {
      const entry = find(key);
      if (entry) found.push(entry);
    }
    return found;
  }

  /** What differed at an older revision, by undoing the changes since; undefined when nothing did. */
  #overrides(collection: Collection, at: number): Map<string, Entry | undefined> | undefined {
    if (at < collection.compacted) throw new Compacted(at, collection.compacted);
    const past = new Map<string, Entry | undefined>();
    for (const change of this.#since(collection, at)) {
      if (!past.has(change.key)) past.set(change.key, change.previous);
    }
    return past.size > 0 ? past : undefined;
  }

  #since(collection: Collection, revision: number): Change[] {
    const { history } = collection;
    let low = 0;
    let high = history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const change = history[middle];
      if (change && change.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return history.slice(low);
  }

  /** Writes an object under the next revision and stamps that into its metadata.resourceVersion. */
  put(resource: string, key: string, object: KubeObject): Entry {
    const collection = this.#collection(resource);
    const revision = ++this.#revision;
    object.metadata.resourceVersion = String(revision);
    const entry = new Entry(key, object, revision);
    const previous = collection.entries.get(key);
    collection.entries.set(key, entry);
    if (!previous) collection.keys.add(key);
    this.#record(collection, { revision, resource, key, current: entry, previous });
    return entry;
  }

  /** Removes an object and returns it as it was last, with the revision of the removal. */
  delete(resource: string, key: string): Entry | undefined {
    const collection = this.#collection(resource);
    const previous = collection.entries.get(key);
    if (!previous) return undefined;
    const revision = ++this.#revision;
    const metadata = { ...previous.object.metadata, resourceVersion: String(revision) };
    const tombstone = new Entry(key, { ...previous.object, metadata }, revision);
    collection.entries.delete(key);
    collection.keys.remove(key);
    this.#record(collection, { revision, resource, key, current: undefined, previous, tombstone });
    return tombstone;
  }

  #record(collection: Collection, change: Change): void {
    collection.history.push(change);
    // Trimmed by halves: dropping one at a time from the front would cost the whole length at every write.
    if (collection.history.length > 2 * this.#historyLimit) {
      const dropped = collection.history.splice(0, this.#historyLimit);
      collection.compacted = dropped.at(-1)?.revision ?? collection.compacted;
    }
    this.#announce(change);
  }

  /** A listener may write in turn; its change is announced after the present one has reached everybody. */
  #announce(change: Change): void {
    this.#pending.push(change);
    if (this.#pending.length > 1) return;
    for (let next = this.#pending[0]; next; next = this.#pending[0]) {
      this.#changes.emit('*', next);
      this.#changes.emit(next.resource, next);
      this.#pending.shift();
    }
  }

  #collection(resource: string): Collection {
    let collection = this.#collections.get(resource);
    if (!collection) {
      collection = { entries: new Map(), keys: new SortedKeys([]), history: [], compacted: this.#compacted };
      this.#collections.set(resource, collection);
    }
    return collection;
  }

  /** The changes of a resource after a revision, oldest first. Throws Compacted. */
  changesSince(resource: string, revision: number): Change[] {
    const collection = this.#collection(resource);
    if (revision < collection.compacted) throw new Compacted(revision, collection.compacted);
    return this.#since(collection, revision);
  }

  /** Calls back for every further change of a resource ('*' for all), in order, until the returned function is called. */
  subscribe(resource: string, listener: (change: Change) => void): () => void {
    this.#changes.on(resource, listener);
    return () => this.#changes.off(resource, listener);
  }

  /** Forgets all history: lists and watches from older resourceVersions answer 410 from now on. */
  compact(): void {
    // A revision of its own, so that even somebody who saw the newest change is behind, as after real compactions.
    this.#revision += 1;
    this.#compacted = this.#revision;
    for (const collection of this.#collections.values()) {
      collection.history = [];
      collection.compacted = this.#revision;
    }
  }

  /** Another store in the state of now, its revision included and without a history: what is restored of a backup. */
  backup(): Store {
    const copy = new Store({ historyLimit: this.#historyLimit, firstRevision: this.#revision });
    copy.#compacted = this.#revision;
    for (const [resource, { entries }] of this.#collections) {
      const keys = new SortedKeys([...entries.keys()]);
      copy.#collections.set(resource, { entries: new Map(entries), keys, history: [], compacted: this.#revision });
    }
    return copy;
  }

  /** Drops a whole resource, as when its CRD goes; watchers see every object deleted. */
  drop(resource: string): void {
    for (const entry of this.list(resource)) this.delete(resource, entry.key);
  }
}
