import { jittered, sleep, systemClock } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { objectKey, toError } from '../client/index.ts';
import type { KubernetesObject, WatchEvent } from '../client/index.ts';
import { isAborted } from './aborted.ts';
import { Comparisons } from './comparisons.ts';
import { judge } from './event-order.ts';
import { HistoryError, isEarlier } from './history-error.ts';
import { HistoryProbe } from './history-probe.ts';
import { ObjectStore } from './object-store.ts';
import type { ReflectorOptions, ReflectorStatistics } from './options.ts';
import { ReflectorRecord } from './record.ts';
import { Recovery } from './recovery.ts';
import { SilenceTimer } from './silence.ts';
import { applySnapshot, fetchSnapshot } from './snapshot.ts';
import type { Snapshot, SnapshotSource } from './snapshot.ts';

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
 * where it was), expired versions (it lists again and works out what changed), lost events (a periodic comparison finds
 * them), events that come twice or too late (they undo nothing, and a list settles what they leave in doubt), and a
 * database that is put back to an earlier state. While the server is away the copy stays as it is.
 */
export class Reflector<T = KubernetesObject> {
  /** Resolves when the first list is complete; rejects if the reflector is stopped before. */
  readonly synced: Promise<void>;
  readonly #options: ReflectorOptions<T>;
  readonly #clock: Clock;
  readonly #source: SnapshotSource<T>;
  readonly #store: ObjectStore<T>;
  readonly #recovery: Recovery;
  readonly #comparisons: Comparisons<T>;
  readonly #stopping = new AbortController();
  readonly #settleSynced: PromiseWithResolvers<void>;
  readonly #record: ReflectorRecord;
  /** Up to where the collection is known; undefined before the first list. */
  #version: string | undefined;
  #listDue = true;
  /** The server's history is another one than was followed: what is known of versions is worth nothing. */
  #historyLost = false;
  /** The watch was, or is to be, resumed after trouble or an early end, and nothing newer has been heard of the server since. */
  #inDoubt = false;
  /** Ends the watch under way. */
  #giveUp: ((error: Error) => void) | undefined;
  #running: Promise<unknown> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#store = new ObjectStore(options.keep ?? 'objects', (key, current, previous) => {
      this.#record.guarded(key, () => options.handler.changed(key, current, previous));
    });
    this.#recovery = new Recovery(options.random);
    this.#record = new ReflectorRecord(options, this.#clock);
    this.#source = {
      client: options.client,
      path: options.path,
      selectors: { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector },
      counted: () => this.#record.count('lists'),
      // Without a transform T is KubernetesObject, unless the caller names another type on its own responsibility.
      convert: (key, raw) => this.#record.guarded(key, () => (options.transform ? options.transform(raw) : (raw as T))),
    };
    this.#comparisons = new Comparisons({
      ...{ source: this.#source, store: this.#store, clock: this.#clock, random: options.random },
      relistSeconds: options.relistSeconds ?? 2400,
      version: () => (this.#listDue ? undefined : this.#version),
      turn: () => this.#turn(),
      wentBack: (version) => this.#giveUp?.(new HistoryError(options.path, version, this.#version ?? '')),
      missed: (keys) => this.#record.missed(keys),
      failed: (error, retryInMilliseconds) => this.#record.report(error, retryInMilliseconds),
    });
    this.#settleSynced = Promise.withResolvers();
    this.synced = this.#settleSynced.promise;
    // Those who do not wait for it need not know that it will never come.
    this.synced.catch(() => undefined);
  }

  /** Begins; to be called once. */
  start(): void {
    if (this.#running !== undefined) throw new Error(`reflector ${this.#options.name} was started before`);
    const { signal } = this.#stopping;
    this.#running = Promise.all([this.#listAndWatch(signal), this.#comparisons.run(signal)]);
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
    return this.#record.statistics(this.#recovery.failing);
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
    this.#historyLost ||= error instanceof HistoryError;
    this.#inDoubt ||= !expected;
    if (!expected) this.#record.report(error, waitMilliseconds);
    // Ends early when the reflector is stopped.
    await sleep(this.#clock, waitMilliseconds, signal);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const snapshot = await this.#snapshot(signal);
    signal.throwIfAborted();
    this.#comparisons.abandon();
    const turn = async (): Promise<boolean> => {
      await this.#turn();
      return !isAborted(signal);
    };
    if (!(await applySnapshot(this.#store, snapshot, { turn }))) return;
    this.#version = snapshot.version;
    this.#listDue = false;
    this.#historyLost = false;
    this.#inDoubt = false;
    this.#record.heard();
    if (this.#record.watches > 0) return;
    this.#record.guarded('synced', () => this.#options.handler.synced?.());
    this.#settleSynced.resolve();
  }

  /** Never older than what is known, or the store would go back in time; unless the server itself has. */
  async #snapshot(signal: AbortSignal): Promise<Snapshot<T>> {
    const known = this.#version;
    if (this.#historyLost) {
      this.#store.forgetVersions();
      return fetchSnapshot(this.#source, this.#store, undefined, signal);
    }
    const snapshot = await fetchSnapshot(this.#source, this.#store, known ?? '0', signal);
    if (known !== undefined && isEarlier(snapshot.version, known)) {
      throw new HistoryError(this.#options.path, snapshot.version, known);
    }
    return snapshot;
  }

  /** Lets all that waits for the event loop have its turn. */
  #turn(): Promise<void> {
    return new Promise<void>((resolve) => this.#clock.soon(resolve));
  }

  async #watch(stopping: AbortSignal): Promise<void> {
    const { client, path } = this.#options;
    const startedAt = this.#clock.monotonic();
    const silence = new SilenceTimer(this.#clock, silenceSeconds, stopping);
    const timeoutSeconds = Math.round(jittered(longestWatchSeconds, 0.5, this.#options.random));
    const query = { ...this.#source.selectors, resourceVersion: this.#version, timeoutSeconds };
    this.#record.count('watches');
    let heard = false;
    let cancel: (() => void) | undefined;
    let probe: HistoryProbe | undefined;
    this.#giveUp = (error) => silence.giveUp(error);
    const opened = (): void => {
      // A watch that has held for a while is a success, also where nothing happens.
      cancel = this.#clock.after(shortestWatchMilliseconds, () => this.#recovery.succeeded());
      if (this.#inDoubt) probe = this.#probe();
    };
    try {
      for await (const event of client.watch<KubernetesObject>(path, query, { signal: silence.signal, opened })) {
        heard = true;
        silence.heard();
        this.#receive(event);
        if (!this.#inDoubt) probe?.end();
      }
    } finally {
      this.#giveUp = undefined;
      silence.end();
      cancel?.();
      probe?.end();
    }
    const lasted = this.#clock.monotonic() - startedAt;
    // A server that ends it before its time may be one that stops, and another one may come after it.
    this.#inDoubt ||= lasted < (timeoutSeconds - 1) * 1000;
    if (!heard && lasted < shortestWatchMilliseconds) {
      throw new Error(`GET ${path}: the server ended the watch at once`);
    }
    this.#recovery.succeeded();
  }

  #probe(): HistoryProbe {
    return new HistoryProbe({
      ...{ client: this.#options.client, path: this.#options.path, selectors: this.#source.selectors },
      ...{ version: this.#version ?? '', clock: this.#clock, random: this.#options.random },
      confirmed: () => (this.#inDoubt = false),
      wentBack: (error) => this.#giveUp?.(error),
      failed: (error, retryInMilliseconds) => this.#record.report(error, retryInMilliseconds),
    });
  }

  #receive(event: WatchEvent): void {
    const { metadata } = event.object;
    // The client lets no event pass that has none.
    const version = metadata.resourceVersion ?? '';
    this.#record.heard();
    this.#recovery.succeeded();
    if (event.type === 'BOOKMARK') {
      if (judge(event.type, version, this.#version, undefined).doubt) this.#comparisons.doubt();
    } else {
      this.#record.count('events');
      const key = objectKey(metadata);
      const { apply, doubt } = judge(event.type, version, this.#version, this.#store.versionOf(key));
      if (!this.#comparisons.isStale(key, version) && apply) this.#apply(key, version, event);
      if (doubt) this.#comparisons.doubt();
    }
    if (isEarlier(version, this.#version)) return;
    if (version !== this.#version) this.#inDoubt = false;
    this.#version = version;
    this.#comparisons.passed(version);
  }

  #apply(key: string, version: string, event: WatchEvent): void {
    if (event.type === 'DELETED') this.#store.delete(key);
    else this.#store.put(key, version, () => this.#source.convert(key, event.object));
  }
}
