import type { KubernetesObject } from '../client/index.ts';

export interface StoredObject extends KubernetesObject {
  [field: string]: unknown;
}

/** One client's watch. */
export interface Watcher {
  /** The version that it began from: it is told of nothing up to there, even if the collection is not there yet. */
  readonly from: number;
  send(line: string): void;
  end(): void;
}

interface Answer {
  code: number;
  value: object;
}

/** One resource's objects and history in a {@link FaultyServer}. */
export class Collection {
  readonly objects = new Map<string, StoredObject>();
  /** How many of the next events no watch will be told of, although their versions pass. */
  eventsToLose = 0;
  /** How many of the next continue tokens will turn out to have expired. */
  continuesToExpire = 0;
  /** If set, takes the events instead of the watches, to deliver them later. */
  hold: ((line: string) => void) | undefined;
  /** So many versions too early the next watch begins. */
  earlier = 0;
  readonly #history: { version: number; line: string }[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #version: { current: number };
  /** Watches from before this version are answered with 410. */
  #compactedBefore = 0;
  readonly #unfinishedLists = new Map<string, StoredObject[]>();

  constructor(version: { current: number }) {
    this.#version = version;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  get version(): number {
    return this.#version.current;
  }

  /** Creates or changes an object as another client would. */
  put(key: string, content: object = {}): void {
    const [name = '', namespace] = key.split('/').reverse();
    const type = this.objects.has(key) ? 'MODIFIED' : 'ADDED';
    const metadata = namespace === undefined ? { name } : { name, namespace };
    this.#store(type, key, { ...content, metadata });
  }

  /** Deletes an object as another client would. */
  drop(key: string): void {
    const object = this.objects.get(key);
    if (object === undefined) return;
    this.objects.delete(key);
    this.#publish('DELETED', this.#stamped(object));
  }

  /** Forgets the history: watches from older versions get 410. */
  compact(): void {
    this.#history.length = 0;
    this.#compactedBefore = this.version;
  }

  /** Takes a backup, which puts everything back to the state of now, versions included. */
  backup(): () => void {
    const [objects, version] = [[...this.objects], this.version];
    return () => {
      this.objects.clear();
      for (const [key, object] of objects) this.objects.set(key, object);
      this.#version.current = version;
      this.#history.length = 0;
      this.#compactedBefore = version;
    };
  }

  /** The events that are remembered, oldest first. */
  get events(): readonly string[] {
    return this.#history.map(({ line }) => line.trimEnd());
  }

  /** Sends a bookmark to every watch, of a version some way back if so wished. */
  bookmark(back = 0): void {
    const object = { kind: 'Service', metadata: { resourceVersion: String(this.version - back) } };
    this.#tell(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }

  /** Sends a line, whatever it is, to every watch. */
  sendLine(line: string): void {
    for (const watcher of this.#watchers) watcher.send(`${line}\n`);
  }

  /** Ends every watch in an orderly way. */
  endWatches(): void {
    for (const watcher of [...this.#watchers]) watcher.end();
  }

  list(query: URLSearchParams, pageSize: number): Answer {
    const token = query.get('continue');
    const asked = Number(query.get('resourceVersion'));
    if (asked > this.version) return status(504, 'Timeout', `Too large resource version: ${asked}`);
    const [version, start] = token === null ? [String(this.version), 0] : parseToken(token);
    if (token !== null && this.continuesToExpire > 0) {
      this.continuesToExpire -= 1;
      return status(410, 'Expired', 'The provided continue parameter is too old');
    }
    const all = this.#unfinishedLists.get(version) ?? [...this.objects.values()];
    const end = query.has('limit') ? start + Math.min(Number(query.get('limit')), pageSize) : Infinity;
    const items = all.slice(start, end);
    if (end >= all.length) return { code: 200, value: { metadata: { resourceVersion: version }, items } };
    this.#unfinishedLists.set(version, all);
    return { code: 200, value: { metadata: { resourceVersion: version, continue: `${version}:${end}` }, items } };
  }

  /** @returns why not, if the version is too old */
  watch(version: number, watcher: Watcher, begin: () => void): Answer | undefined {
    if (version < this.#compactedBefore) return status(410, 'Expired', 'too old resource version');
    begin();
    const from = version - this.earlier;
    this.earlier = 0;
    for (const event of this.#history) if (event.version > from) watcher.send(event.line);
    this.#watchers.add(watcher);
    return undefined;
  }

  unwatch(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  create(namespace: string | undefined, object: StoredObject): Answer {
    const key = namespace === undefined ? object.metadata.name : `${namespace}/${object.metadata.name}`;
    if (this.objects.has(key)) return status(409, 'AlreadyExists', `"${key}" already exists`);
    return { code: 201, value: this.#store('ADDED', key, object) };
  }

  read(key: string): Answer {
    const object = this.objects.get(key);
    return object === undefined ? status(404, 'NotFound', `"${key}" not found`) : { code: 200, value: object };
  }

  replace(key: string, object: StoredObject): Answer {
    const current = this.objects.get(key);
    if (current === undefined) return this.read(key);
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion) {
      return status(409, 'Conflict', 'the object has been modified; please apply your changes to the latest version');
    }
    return { code: 200, value: this.#store('MODIFIED', key, object) };
  }

  /** A merge patch of one level, enough for what the tests patch. */
  merge(key: string, patch: object): Answer {
    const current = this.objects.get(key);
    if (current === undefined) return this.read(key);
    return { code: 200, value: this.#store('MODIFIED', key, { ...current, ...patch, metadata: current.metadata }) };
  }

  remove(key: string): Answer {
    if (!this.objects.has(key)) return this.read(key);
    this.drop(key);
    return { code: 200, value: { kind: 'Status', status: 'Success' } };
  }

  #store(type: 'ADDED' | 'MODIFIED', key: string, object: StoredObject): StoredObject {
    const stored = this.#stamped(object);
    this.objects.set(key, stored);
    this.#publish(type, stored);
    return stored;
  }

  #stamped(object: StoredObject): StoredObject {
    this.#version.current += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } };
  }

  #publish(type: string, object: StoredObject): void {
    if (this.eventsToLose > 0) {
      this.eventsToLose -= 1;
      return;
    }
    const line = `${JSON.stringify({ type, object })}\n`;
    this.#history.push({ version: this.version, line });
    if (this.hold !== undefined) this.hold(line.trimEnd());
    else this.#tell(line);
  }

  /** As kube-apiserver does: a watch from the future hears nothing before the collection has come there. */
  #tell(line: string): void {
    for (const watcher of this.#watchers) if (this.version >= watcher.from) watcher.send(line);
  }
}

function parseToken(token: string): [version: string, start: number] {
  const [version = '', start] = token.split(':');
  return [version, Number(start)];
}

function status(code: number, reason: string, message: string): Answer {
  return { code, value: { kind: 'Status', status: 'Failure', code, reason, message } };
}
