import { jittered, sleep, systemClock } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { objectKey, toError } from '../client/index.ts';
import type { KubernetesObject, WatchEvent } from '../client/index.ts';
import { ConsistencyCheck } from './consistency-check.ts';
import { ObjectStore } from './object-store.ts';
import type { ReflectorOptions, ReflectorStatistics } from './options.ts';
import { Recovery } from './recovery.ts';
import { SilenceTimer } from './silence.ts';
import { applySnapshot, fetchSnapshot } from './snapshot.ts';
import type { SnapshotSource } from './snapshot.ts';

/** API servers send a bookmark about once a minute. */
const silenceSeconds = 180;
/** The server is asked to end a watch after this time, less up to half of it, so that watches move between servers. */
const longestWatchSeconds = 600;
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
  readonly #recovery: Recovery;
  readonly #stopping = new AbortController();
  readonly #settleSynced: PromiseWithResolvers<void>;
  readonly #count = { lists: 0, watches: 0, events: 0, cacheMisses: 0, errors: 0 };
  #lastEventAt: number | undefined;
  #lastError: string | undefined;
  /** Up to where the collection is known; undefined before the first list. */
  #version: string | undefined;
  #listDue = true;
  #check: ConsistencyCheck | undefined;
  #running: Promise<unknown> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#store = new ObjectStore(options.keep ?? 'objects', (key, current, previous) => {
      this.#guarded(key, () => options.handler.changed(key, current, previous));
    });
    this.#recovery = new Recovery(options.random);
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

  /** The object as last seen; undefined also for one that never could be converted. */
  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  /** All objects as last seen, in no order. */
  values(): Iterable<T> {
    return this.#store.values();
  }

  get statistics(): ReflectorStatistics {
    const { failing } = this.#recovery;
    return { ...this.#count, lastEventAt: this.#lastEventAt, lastError: this.#lastError, failing };
  }

  async #listAndWatch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#listDue) await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (!isAborted(signal)) await this.#recover(toError(error), signal);
      }
    }
  }

  async #recover(error: Error, signal: AbortSignal): Promise<void> {
    const { waitMilliseconds, list, expected } = this.#recovery.after(error);
    this.#listDue ||= list;
    if (!expected) this.#report(error, waitMilliseconds);
    // Ends early when the reflector is stopped.
    await sleep(this.#clock, waitMilliseconds, signal);
  }

  async #list(signal: AbortSignal): Promise<void> {
    // Never older than what is known, or the store would go back in time.
    const snapshot = await fetchSnapshot(this.#source, this.#store, this.#version ?? '0', signal);
    signal.throwIfAborted();
    this.#check = undefined;
    const turn = (): Promise<boolean> => this.#turn(() => !isAborted(signal));
    if (!(await applySnapshot(this.#store, snapshot, { turn }))) return;
    this.#version = snapshot.version;
    this.#listDue = false;
    this.#lastEventAt = this.#clock.wall();
    if (this.#count.watches > 0) return;
    this.#guarded('synced', () => this.#options.handler.synced?.());
    this.#settleSynced.resolve();
  }

  /** Lets all that waits for the event loop have its turn; answers whether to go on then. */
  async #turn(goesOn: () => boolean): Promise<boolean> {
    await new Promise<void>((resolve) => this.#clock.soon(resolve));
    return goesOn();
  }

  async #watch(stopping: AbortSignal): Promise<void> {
    const { client, path } = this.#options;
    const startedAt = this.#clock.monotonic();
    const silence = new SilenceTimer(this.#clock, silenceSeconds, stopping);
    const query = {
      ...this.#source.selectors,
      resourceVersion: this.#version,
      timeoutSeconds: Math.round(jittered(longestWatchSeconds, 0.5, this.#options.random)),
    };
    this.#count.watches += 1;
    let heard = false;
    let cancel: (() => void) | undefined;
    // A watch that has held for a while is a success, also where nothing happens.
    const opened = (): void => {
      cancel = this.#clock.after(shortestWatchMilliseconds, () => this.#recovery.succeeded());
    };
    try {
      for await (const event of client.watch<KubernetesObject>(path, query, { signal: silence.signal, opened })) {
        heard = true;
        silence.heard();
        this.#receive(event);
      }
    } finally {
      silence.end();
      cancel?.();
    }
    if (!heard && this.#clock.monotonic() - startedAt < shortestWatchMilliseconds) {
      throw new Error(`GET ${path}: the server ended the watch at once`);
    }
    this.#recovery.succeeded();
  }

  #receive(event: WatchEvent): void {
    const { metadata } = event.object;
    // The client lets no event pass that has none.
    const version = metadata.resourceVersion ?? '';
    this.#lastEventAt = this.#clock.wall();
    this.#recovery.succeeded();
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
    const { relistSeconds = 2400, random } = this.#options;
    while (!signal.aborted) {
      const milliseconds = jittered(relistSeconds * 1000, 0.5, random);
      await sleep(this.#clock, milliseconds, signal);
      // A list that is under way, or due as soon as the server can be reached, does all that a comparison would.
      if (isAborted(signal) || this.#listDue || this.#version === undefined) continue;
      try {
        await this.#compare(this.#version, signal);
      } catch (error) {
        this.#check = undefined;
        if (!isAborted(signal)) this.#report(toError(error), relistSeconds * 1000);
      }
    }
  }

  async #compare(version: string, signal: AbortSignal): Promise<void> {
    const check = new ConsistencyCheck();
    this.#check = check;
    const snapshot = await fetchSnapshot(this.#source, this.#store, version, signal);
    signal.throwIfAborted();
    // A re-list because of an expired version does everything that this comparison would.
    const goesOn = (): boolean => this.#check === check && !this.#listDue && !isAborted(signal);
    if (!goesOn()) return;
    check.listed(snapshot.version);
    const complete = await applySnapshot(this.#store, snapshot, {
      mayChange: (key) => check.mayRepair(key),
      changed: (key) => check.repaired(key),
      turn: () => this.#turn(goesOn),
    });
    if (!complete) return;
    check.completed();
    this.#judge(this.#version ?? version);
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

  /** Runs code of the user of this class: what it throws is reported, and the loop goes on. */
  #guarded<R>(about: string, action: () => R): R | undefined {
    try {
      return action();
    } catch (error) {
      this.#report(new Error(`${this.#options.name}: ${about}: ${toError(error).message}`, { cause: error }), 0);
      return undefined;
    }
  }

  #report(error: Error, retryInMilliseconds: number): void {
    this.#count.errors += 1;
    this.#lastError = error.message;
    this.#options.onError?.(error, { retryInMilliseconds });
  }
}

/** A function because the compiler believes that a signal once found untroubled stays so. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
