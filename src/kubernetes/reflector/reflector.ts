import { Backoff } from '../../runtime/index.ts';
import { ApiError, ConnectionError, isGone, objectKey, toError } from '../client/index.ts';
import type { ApiClient, KubernetesObject, WatchEvent } from '../client/index.ts';
import { sleep, systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { ConsistencyCheck } from './consistency-check.ts';
import { ObjectStore } from './object-store.ts';
import { SilenceError, SilenceTimer } from './silence.ts';
import { applySnapshot, fetchSnapshot } from './snapshot.ts';
import type { SnapshotSource } from './snapshot.ts';

/** Told of what happens in a collection. Exceptions are caught and reported through `onError`. */
export interface ReflectorHandler<T> {
  /**
   * An object is new (`previous` undefined), different, or gone (`current` undefined). Called synchronously, once per
   * real difference, also for those that a re-list finds; the calls in their order always lead to the store's content.
   *
   * @param key `namespace/name`, or `name` in a cluster-scoped collection
   */
  changed(key: string, current: T | undefined, previous: T | undefined): void;
  /** The first list is complete: `changed` has been called for every object of it. */
  synced?(): void;
}

export interface ReflectorOptions<T> {
  /** What is reflected, in a word, for messages. */
  name: string;
  client: ApiClient;
  /** The collection, from {@link resourcePath}. */
  path: string;
  labelSelector?: string;
  fieldSelector?: string;
  /**
   * What to keep of an object; all of it if left out. When it throws, that is reported and the last good value stays.
   */
  transform?: (raw: KubernetesObject) => T;
  handler: ReflectorHandler<T>;
  /** Something went wrong; `retryInSeconds` says when it is tried again, 0 if there is nothing to retry. */
  onError?: (error: Error, o: { retryInSeconds: number }) => void;
  /** How often the store is compared with a fresh list, on average; 1800 if left out. */
  relistSeconds?: number;
  clock?: Clock;
}

/** Counters since the start; `lastEventAt` is in milliseconds since the epoch: last list, event or bookmark. */
export interface ReflectorStatistics {
  readonly lists: number;
  readonly watches: number;
  readonly events: number;
  /** Changes that the watch had missed, and the periodic comparison found and repaired. */
  readonly cacheMisses: number;
  readonly errors: number;
  readonly lastEventAt: number | undefined;
  readonly lastError: string | undefined;
}

const backoffLimits = { firstSeconds: 0.8, maxSeconds: 30 };
/** API servers send a bookmark about once a minute. */
const silenceSeconds = 180;
/** How often in a row the server may reject a resumed watch before the collection is listed again. */
const rejectionsBeforeList = 3;
/** A watch that ends sooner than this, without an event, counts as failed. */
const shortestWatchMilliseconds = 1000;

/**
 * Keeps a local copy of a collection of the API server: list, then watch, for ever.
 *
 * The copy survives everything that the network and the server do: broken and silent connections (the watch resumes
 * where it was), expired versions (it lists again and works out what changed), and lost events (a periodic comparison
 * finds them). While the server is away the copy stays as it is.
 */
export class Reflector<T = KubernetesObject> {
  /** Resolves when the first list is complete; rejects if the reflector is stopped before. */
  readonly synced: Promise<void>;
  readonly #options: ReflectorOptions<T>;
  readonly #clock: Clock;
  readonly #source: SnapshotSource<T>;
  readonly #store: ObjectStore<T>;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  readonly #settleSynced: PromiseWithResolvers<void>;
  readonly #count = { lists: 0, watches: 0, events: 0, cacheMisses: 0, errors: 0 };
  #lastEventAt: number | undefined;
  #lastError: string | undefined;
  /** Up to where the watch has been followed; undefined when a list is due. */
  #version: string | undefined;
  /** Whether what the server has in its cache is good enough for the list that is due. */
  #mayListFromCache = true;
  #rejections = 0;
  #check: ConsistencyCheck | undefined;
  #running: Promise<unknown> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#store = new ObjectStore((key, current, previous) => {
      this.#guarded(key, () => options.handler.changed(key, current, previous));
    });
    this.#backoff = new Backoff(backoffLimits, () => this.#clock.random());
    this.#source = {
      client: options.client,
      path: options.path,
      selectors: { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector },
      counted: () => (this.#count.lists += 1),
      // Without a transform T is KubernetesObject, unless the caller names another type on its own responsibility.
      convert: (key, raw) => this.#guarded(key, () => (options.transform ? options.transform(raw) : (raw as T))),
    };
    this.#settleSynced = Promise.withResolvers();
    this.synced = this.#settleSynced.promise;
    // Those who do not wait for it need not know that it will never come.
    this.synced.catch(() => undefined);
  }

  /** Begins; to be called once. */
  start(): void {
    if (this.#running !== undefined) throw new Error(`reflector ${this.#options.name} was started before`);
    const { signal } = this.#stopping;
    this.#running = Promise.all([this.#listAndWatch(signal), this.#compareNowAndThen(signal)]);
  }

  /** Ends the watch; the store keeps its content. */
  async stop(): Promise<void> {
    const reason = new Error(`reflector ${this.#options.name} was stopped`);
    this.#stopping.abort(reason);
    this.#settleSynced.reject(reason);
    await this.#running;
  }

  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  values(): Iterable<T> {
    return this.#store.values();
  }

  get statistics(): ReflectorStatistics {
    return { ...this.#count, lastEventAt: this.#lastEventAt, lastError: this.#lastError };
  }

  async #listAndWatch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        // The wait, if there is to be one, ends early when the reflector is stopped.
        if (!isAborted(signal)) await sleep(this.#clock, this.#failed(toError(error)) * 1000, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const version = this.#mayListFromCache ? '0' : undefined;
    const snapshot = await fetchSnapshot(this.#source, this.#store, version, signal);
    signal.throwIfAborted();
    this.#check = undefined;
    applySnapshot(this.#store, snapshot);
    this.#version = snapshot.version;
    this.#mayListFromCache = false;
    this.#lastEventAt = this.#clock.now();
    if (this.#count.watches > 0) return;
    this.#guarded('synced', () => this.#options.handler.synced?.());
    this.#settleSynced.resolve();
  }

  async #watch(stopping: AbortSignal): Promise<void> {
    const { client, path } = this.#options;
    const startedAt = this.#clock.monotonic();
    const silence = new SilenceTimer(this.#clock, silenceSeconds, stopping);
    const query = {
      ...this.#source.selectors,
      resourceVersion: this.#version,
      timeoutSeconds: 300 + Math.floor(this.#clock.random() * 300),
    };
    this.#count.watches += 1;
    let heard = false;
    try {
      for await (const event of client.watch<KubernetesObject>(path, query, silence.signal)) {
        heard = true;
        silence.heard();
        this.#receive(event);
      }
    } finally {
      silence.end();
    }
    if (!heard && this.#clock.monotonic() - startedAt < shortestWatchMilliseconds) {
      throw new Error(`GET ${path}: the server ended the watch at once`);
    }
    this.#backoff.reset();
  }

  #receive(event: WatchEvent): void {
    const { metadata } = event.object;
    // The client lets no event pass that has none.
    const version = metadata.resourceVersion ?? '';
    this.#lastEventAt = this.#clock.now();
    this.#backoff.reset();
    this.#rejections = 0;
    if (event.type !== 'BOOKMARK') {
      this.#count.events += 1;
      const key = objectKey(metadata);
      if (this.#check?.isStale(key, version) !== true) this.#apply(key, version, event);
    }
    this.#version = version;
    this.#judge(version);
  }

  #apply(key: string, version: string, event: WatchEvent): void {
    if (event.type === 'DELETED') this.#store.delete(key);
    else this.#store.put(key, version, () => this.#source.convert(key, event.object));
  }

  async #compareNowAndThen(signal: AbortSignal): Promise<void> {
    const { relistSeconds = 1800 } = this.#options;
    while (!signal.aborted) {
      await sleep(this.#clock, relistSeconds * (0.5 + this.#clock.random()) * 1000, signal);
      // Without a version there is a list under way, or one due as soon as the server can be reached.
      if (isAborted(signal) || this.#version === undefined) continue;
      try {
        await this.#compare(this.#version, signal);
      } catch (error) {
        this.#check = undefined;
        if (!isAborted(signal)) this.#report(toError(error), relistSeconds);
      }
    }
  }

  async #compare(version: string, signal: AbortSignal): Promise<void> {
    const check = new ConsistencyCheck();
    this.#check = check;
    const snapshot = await fetchSnapshot(this.#source, this.#store, version, signal);
    signal.throwIfAborted();
    // A re-list because of an expired version has done everything that this comparison would.
    if (this.#check !== check || this.#version === undefined) return;
    check.repaired(
      applySnapshot(this.#store, snapshot, (key) => check.mayRepair(key)),
      snapshot.version,
    );
    this.#judge(this.#version);
  }

  #judge(version: string): void {
    const missed = this.#check?.verdict(version);
    if (missed === undefined) return;
    this.#check = undefined;
    if (missed.length === 0) return;
    this.#count.cacheMisses += missed.length;
    const examples = missed.slice(0, 3).join(', ');
    this.#report(new Error(`the watch had missed changes of ${missed.length} objects (${examples}); repaired`), 0);
  }

  /** Decides how to go on after a failure; answers how many seconds to wait. */
  #failed(error: Error): number {
    const first = this.#backoff.failures === 0;
    const seconds = this.#backoff.next();
    if (!(error instanceof ConnectionError || error instanceof SilenceError)) this.#rejections += 1;
    // A version that the server keeps rejecting (after a restore of its database, say) will not get better.
    if (isGone(error) || this.#rejections >= rejectionsBeforeList) {
      this.#version = undefined;
      this.#rejections = 0;
    }
    // An expired version is part of normal life, and a list helps at once, unless it happens again and again.
    if (isGone(error) && first) return 0;
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) : 0;
    const wait = Math.max(seconds, asked);
    this.#report(error, wait);
    return wait;
  }

  /** Runs code of the user of this class: what it throws is reported, and the loop goes on. */
  #guarded<R>(about: string, action: () => R): R | undefined {
    try {
      return action();
    } catch (error) {
      this.#report(new Error(`${this.#options.name}: ${about}: ${toError(error).message}`, { cause: error }), 0);
      return undefined;
    }
  }

  #report(error: Error, retryInSeconds: number): void {
    this.#count.errors += 1;
    this.#lastError = error.message;
    this.#options.onError?.(error, { retryInSeconds });
  }
}

/** Asked as a function because the compiler believes that a signal once found untroubled stays so. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
