import { describeError, every, Pacer } from '../../runtime/index.ts';
import type { Fallback } from '../../dataplane/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { DesiredState } from './desired-state.ts';
import type { LoadFollower } from './load-follower.ts';
import { SettingsRetry } from './settings-retry.ts';
import type { Sync, SyncResult } from './sync.ts';

/**
 * Least time from the beginning of a sync to that of the next under churn: more commits starve the kernel's garbage
 * collection of timeout sets.
 */
const periodMilliseconds = 100;
const retry = { first: 1000, atMost: 30_000 };
const verifyMilliseconds = 1000;
/** How often what was refused, or is served otherwise than asked for, is tried again. */
const againMilliseconds = 30_000;
/** The same, for what is only starting. */
const awaitedMilliseconds = 2000;
/** How often least-connections looks at the open connections. */
const loadMilliseconds = 3000;

/** A sync that went well. */
export interface Synced {
  readonly result: SyncResult;
  /** How long it took. */
  readonly seconds: number;
  /** From the arrival of the first event that it is about; undefined if none arrived. */
  readonly latencySeconds: number | undefined;
}

/** A sync that did not. */
export interface SyncFailed {
  /** What went wrong. */
  readonly error: string;
  readonly seconds: number;
}

/** Follows the course of syncs. Must not throw. */
export interface SyncObserver {
  /** Something has to get to the kernel. */
  requested?(): void;
  /** A sync begins that takes up everything requested so far. */
  started?(): void;
  synced?(synced: Synced): void;
  failed?(failed: SyncFailed): void;
}

export interface SyncLoopOptions {
  readonly sync: Sync;
  readonly state: DesiredState;
  readonly load: LoadFollower;
  readonly observers: readonly SyncObserver[];
  /** Asked before each sync whether the kernel may be written to: rejects if not, and says why. */
  readonly allow?: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Runs syncs when they are asked for, paced and never two at once; tries failed ones again; notices what others did to
 * our state; tries again what the kernel refused of Service ports and of the node's settings; follows the load.
 */
export class SyncLoop {
  readonly #o: SyncLoopOptions;
  readonly #pacer: Pacer;
  readonly #settingsRetry: SettingsRetry;
  readonly #timers: (() => void)[] = [];
  #ready = false;
  #stopped = false;
  #requestedAt: number | undefined;
  #failure: string | undefined;
  #failed: SyncFailed | undefined;
  /** What the node was to be when a sync last failed. */
  #failedFor: Pick<DesiredState, 'config' | 'settings'> | undefined;

  constructor(options: SyncLoopOptions) {
    this.#o = options;
    this.#pacer = new Pacer({
      run: () => this.#run(),
      rest: (lastRun) => Math.max(periodMilliseconds - lastRun, lastRun),
      retry,
      onFailure: (error, milliseconds) => this.#tellFailure(error, milliseconds),
      clock: options.clock,
    });
    this.#settingsRetry = new SettingsRetry({
      retry: () => this.#again(options.sync.retrySettings()),
      clock: options.clock,
      log: options.log,
    });
  }

  /** Why the last sync failed; undefined if it went well. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Everything has been listed that the first write needs: from now on requests lead to syncs. */
  start(): void {
    // The last list may come while the agent is being stopped.
    if (this.#stopped) return;
    const { clock, sync } = this.#o;
    this.#ready = true;
    this.#timers.push(
      every(clock, verifyMilliseconds, () => void this.#verify()),
      every(clock, againMilliseconds, () => this.#again(sync.retryQuarantined())),
      every(clock, againMilliseconds, () => void this.#retryFallbacks(() => true)),
      every(clock, awaitedMilliseconds, () => void this.#retryFallbacks(({ awaited }) => awaited === true)),
      every(clock, loadMilliseconds, () => void this.#followLoad()),
    );
    this.request();
  }

  /** The wanted state has changed. Nothing happens before `start` and before there is a configuration. */
  request(): void {
    const { state, clock, observers } = this.#o;
    if (!this.#ready || !state.config) return;
    this.#requestedAt ??= clock.monotonic();
    for (const observer of observers) observer.requested?.();
    // Other settings may be what mends it: they do not wait as long as what has failed.
    if (this.#changedSinceFailure()) this.#pacer.triggerNow();
    else this.#pacer.trigger();
  }

  /** What served Service ports has ended: they are served otherwise at once. */
  lost(): void {
    if (this.#ready && !this.#stopped) void this.#retryFallbacks();
  }

  /** Resolves when the sync under way has ended; the kernel keeps what it has. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#o.sync.stop();
    for (const cancel of this.#timers) cancel();
    this.#settingsRetry.stop();
    await this.#pacer.stop();
  }

  async #run(): Promise<void> {
    const { sync, state, clock, observers, allow } = this.#o;
    const started = clock.monotonic();
    const requestedAt = this.#requestedAt;
    this.#requestedAt = undefined;
    const { config, settings } = state;
    for (const observer of observers) observer.started?.();
    try {
      await allow?.();
      const result = await sync.run();
      const now = clock.monotonic();
      const latencySeconds = requestedAt === undefined ? undefined : (now - requestedAt) / 1000;
      this.#tellSuccess({ result, seconds: (now - started) / 1000, latencySeconds });
    } catch (error) {
      this.#requestedAt ??= requestedAt;
      this.#failedFor = { config, settings };
      this.#failed = { error: describeError(error), seconds: (clock.monotonic() - started) / 1000 };
      throw error;
    }
  }

  #tellSuccess(synced: Synced): void {
    const { observers, log } = this.#o;
    this.#failure = undefined;
    this.#failedFor = undefined;
    const { result } = synced;
    const detail = { ...result.written, servicePorts: result.changes.length, full: result.full };
    if (result.full) log.info('synced', detail);
    else log.debug('synced', detail);
    this.#settingsRetry.synced(result.refusedSetup);
    for (const observer of observers) observer.synced?.(synced);
  }

  #tellFailure(error: unknown, retryInMilliseconds: number): void {
    const { observers, log } = this.#o;
    const failed = this.#failed ?? { error: describeError(error), seconds: 0 };
    this.#failure = failed.error;
    log.error('sync failed; the kernel keeps what it has', { error, retryInMilliseconds });
    for (const observer of observers) observer.failed?.(failed);
  }

  /** Looks for changes by others; what the kernel does not protect is then compared and repaired. */
  async #verify(): Promise<void> {
    const { sync, log } = this.#o;
    // A sync that is tried again compares everything anyhow.
    if (this.#pacer.failures > 0) return;
    try {
      if (!(await sync.drifted())) return;
      log.info('another program changed nftables; comparing the table');
      sync.suspect();
      this.request();
    } catch (error) {
      log.error('cannot ask the kernel whether others changed our state', { error });
    }
  }

  async #retryFallbacks(those?: (fallback: Fallback) => boolean): Promise<void> {
    const { sync, log } = this.#o;
    try {
      this.#again(await sync.retryFallbacks(those));
    } catch (error) {
      log.warn('cannot find out whether what Service ports fell back for is there now', { error });
    }
  }

  /** Asks for a sync if there is something that the kernel refused. */
  #again(anyRefused: boolean): void {
    if (anyRefused) this.request();
  }

  /** Whether the node is to be another one than when a sync last failed. */
  #changedSinceFailure(): boolean {
    const { state } = this.#o;
    const before = this.#failedFor;
    return before !== undefined && (before.config !== state.config || before.settings !== state.settings);
  }

  async #followLoad(): Promise<void> {
    const { load, state, sync, log } = this.#o;
    try {
      const bySlots = [...state.loadBalanced].filter((port) => sync.choosesBySlots(port));
      const weights = await load.look(bySlots);
      if (weights.size === 0) return;
      state.setWeights(weights);
      this.request();
    } catch (error) {
      log.warn('cannot count open connections; least-connections keeps its weights', { error });
    }
  }
}
