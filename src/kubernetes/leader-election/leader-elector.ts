import { jittered, sleep, systemClock } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { ApiError, isConflict, isNotFound, resourcePath, toError } from '../client/index.ts';
import type { ApiClient } from '../client/index.ts';
import { microTime } from '../micro-time.ts';
import { heldSpec, releasedSpec } from './lease.ts';
import type { Lease } from './lease.ts';

export interface LeaderElectorOptions {
  client: ApiClient;
  /** Where the Lease is. */
  namespace: string;
  /** Name of the Lease. */
  name: string;
  /** Who we are; unique among the candidates, also after a restart of ours. */
  identity: string;
  /** How long others wait for a leader that says nothing; 15 if left out. */
  leaseSeconds?: number;
  /** How long a leader may fail to renew before it steps down by itself; 10 if left out, less than leaseSeconds. */
  renewSeconds?: number;
  /** Time between two attempts to acquire (less up to a fifth of it, by chance) or renew; 2 if left out. */
  retrySeconds?: number;
  /** We lead. If this throws or rejects, the lease is given back. */
  onStartedLeading(): void | Promise<void>;
  /** We lead no more, for whatever reason. */
  onStoppedLeading(): void;
  /** An attempt failed and will be repeated. */
  onError?: (error: Error) => void;
  clock?: Clock;
}

/** The Lease as last seen, and when, on our own clock, it was first seen like this. */
interface Observation {
  readonly lease: Lease;
  readonly since: number;
}

/**
 * Leader election on a coordination.k8s.io/v1 Lease.
 *
 * Clocks of different machines are never compared: a lease has expired when it has not *changed* for its duration, as
 * measured here. All writes carry the resourceVersion that was read, so of two candidates one gets a conflict.
 *
 * A leader that cannot renew for `renewSeconds` steps down before the others may take over (`leaseSeconds`), and waits
 * for another turn.
 */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #clock: Clock;
  readonly #collection: string;
  readonly #path: string;
  readonly #leaseSeconds: number;
  readonly #renewSeconds: number;
  readonly #retrySeconds: number;
  readonly #stopping = new AbortController();
  #observed: Observation | undefined;
  #leading = false;
  /** When the last renewal that succeeded was begun. */
  #renewedAt = 0;
  #running: Promise<void> | undefined;
  /** A write was begun and its outcome is not known. */
  #writing = false;

  /** @throws Error if the times contradict each other */
  constructor(options: LeaderElectorOptions) {
    const { leaseSeconds = 15, renewSeconds = 10, retrySeconds = 2 } = options;
    if (!(leaseSeconds > renewSeconds && renewSeconds > retrySeconds && retrySeconds > 0)) {
      throw new Error(
        `leader election: leaseSeconds (${leaseSeconds}) must be more than renewSeconds (${renewSeconds}), ` +
          `and that more than retrySeconds (${retrySeconds})`,
      );
    }
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const location = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespace: options.namespace };
    this.#collection = resourcePath(location);
    this.#path = resourcePath({ ...location, name: options.name });
    this.#leaseSeconds = leaseSeconds;
    this.#renewSeconds = renewSeconds;
    this.#retrySeconds = retrySeconds;
  }

  /**
   * Whether we lead at this moment. False also when the process was held up for so long that another may have taken
   * over, before `onStoppedLeading` could say so.
   */
  get isLeader(): boolean {
    return this.#leading && this.#secondsSince(this.#renewedAt) < this.#leaseSeconds;
  }

  /** Begins to stand for election; to be called once. */
  start(): void {
    if (this.#running !== undefined) throw new Error('leader election was started before');
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Steps down, and gives the lease back so that another can take over at once. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('leader election was stopped'));
    await this.#running;
  }

  async #run(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      if (await this.#tryToHold(this.#renewSeconds, stopping)) await this.#lead(stopping);
      await sleep(this.#clock, jittered(this.#retrySeconds * 1000, 0.2), stopping);
    }
    // An attempt that was cut short may have reached the server nevertheless.
    if (this.#writing) await this.#release();
  }

  /** From the first moment as leader to the last. */
  async #lead(stopping: AbortSignal): Promise<void> {
    this.#leading = true;
    const stepDown = new AbortController();
    const giveUp = stepDown.signal;
    const abort = (): void => stepDown.abort();
    stopping.addEventListener('abort', abort);
    if (stopping.aborted) abort();
    this.#announce(abort);
    while (!giveUp.aborted && !this.#heldByAnother()) {
      const secondsLeft = this.#renewSeconds - this.#secondsSince(this.#renewedAt);
      if (secondsLeft <= 0) break;
      await sleep(this.#clock, Math.min(this.#retrySeconds, secondsLeft) * 1000, giveUp);
      await this.#tryToHold(Math.max(this.#renewSeconds - this.#secondsSince(this.#renewedAt), 0), giveUp);
    }
    stopping.removeEventListener('abort', abort);
    this.#leading = false;
    this.#announceEnd();
    if (giveUp.aborted) await this.#release();
  }

  #announce(stepDown: () => void): void {
    const failed = (error: unknown): void => {
      this.#options.onError?.(new Error(`could not start to lead: ${toError(error).message}`, { cause: error }));
      stepDown();
    };
    try {
      Promise.resolve(this.#options.onStartedLeading()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #announceEnd(): void {
    try {
      this.#options.onStoppedLeading();
    } catch (error) {
      this.#options.onError?.(new Error(`could not stop to lead: ${toError(error).message}`, { cause: error }));
    }
  }

  /** One attempt to acquire or renew, within a time; answers whether we hold the lease now. */
  async #tryToHold(seconds: number, signal: AbortSignal): Promise<boolean> {
    const timeLimit = new AbortController();
    const abort = (): void => timeLimit.abort(signal.reason);
    const cancel = this.#clock.after(seconds * 1000, () =>
      timeLimit.abort(new Error(`the lease ${this.#path} could not be written within ${seconds.toFixed(1)} s`)),
    );
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    try {
      return await this.#acquireOrRenew(timeLimit.signal);
    } catch (error) {
      if (!signal.aborted) this.#options.onError?.(toError(error));
      return false;
    } finally {
      cancel();
      signal.removeEventListener('abort', abort);
    }
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const begun = this.#clock.monotonic();
    const { client, identity } = this.#options;
    const lease = await this.#read(signal);
    if (lease !== undefined && this.#validForAnother(lease)) return false;
    const spec = heldSpec(lease?.spec, identity, this.#leaseSeconds, microTime(this.#clock.wall()));
    this.#writing = true;
    try {
      const written =
        lease === undefined
          ? await client.create<Lease>(this.#collection, this.#newLease(spec), { signal })
          : await client.replace<Lease>(this.#path, { ...lease, spec }, { signal });
      this.#observe(written);
    } catch (error) {
      if (error instanceof ApiError) this.#writing = false;
      // Another candidate was quicker; the next look will show who.
      if (isConflict(error)) return false;
      throw error;
    }
    this.#writing = false;
    this.#renewedAt = begun;
    return true;
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    try {
      const lease = await this.#options.client.get<Lease>(this.#path, {}, { signal });
      this.#observe(lease);
      return lease;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#observed = undefined;
      return undefined;
    }
  }

  #observe(lease: Lease): void {
    const seen = this.#observed?.lease.metadata;
    // A lease that was deleted and made anew may, on some other server, have an old version number.
    const same = seen?.resourceVersion === lease.metadata.resourceVersion && seen?.uid === lease.metadata.uid;
    if (!same || this.#observed === undefined) this.#observed = { lease, since: this.#clock.monotonic() };
  }

  #validForAnother({ spec }: Lease): boolean {
    const holder = spec?.holderIdentity ?? '';
    if (holder === '' || holder === this.#options.identity || this.#observed === undefined) return false;
    return this.#secondsSince(this.#observed.since) < (spec?.leaseDurationSeconds ?? this.#leaseSeconds);
  }

  #heldByAnother(): boolean {
    return this.#observed !== undefined && this.#observed.lease.spec?.holderIdentity !== this.#options.identity;
  }

  async #release(): Promise<void> {
    const { client, onError } = this.#options;
    this.#writing = false;
    try {
      const lease = await client.get<Lease>(this.#path, {}, { timeoutSeconds: this.#retrySeconds * 2 });
      if (lease.spec?.holderIdentity !== this.#options.identity) return;
      const spec = releasedSpec(lease.spec, microTime(this.#clock.wall()));
      this.#observe(await client.replace(this.#path, { ...lease, spec }, { timeoutSeconds: this.#retrySeconds * 2 }));
    } catch (error) {
      // The others take over a little later, when the lease has run out.
      onError?.(new Error(`the lease could not be given back: ${toError(error).message}`, { cause: error }));
    }
  }

  #newLease(spec: Lease['spec']): object {
    const { name, namespace } = this.#options;
    return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec };
  }

  #secondsSince(monotonic: number): number {
    return (this.#clock.monotonic() - monotonic) / 1000;
  }
}
