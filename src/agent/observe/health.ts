import type { Family } from '../../services/index.ts';
import type { Clock } from '../../runtime/index.ts';

/** State of one IP family. */
export interface FamilyHealth {
  readonly healthy: boolean;
  /** When the kernel last took this family's state; undefined before the first time. */
  readonly lastUpdated: Date | undefined;
  /** Why the last attempt failed; undefined if it went well. */
  readonly error: string | undefined;
}

/** What /healthz, /livez and the health-check node ports answer from. */
export interface HealthReport {
  /** False while any family has an update that has waited too long. */
  readonly healthy: boolean;
  /** False if the Node is gone or about to go (KEP-3836). */
  readonly nodeEligible: boolean;
  /** The latest of the families' updates if healthy, else that of the family that is behind. */
  readonly lastUpdated: Date | undefined;
  readonly families: ReadonlyMap<Family, FamilyHealth>;
}

/** Longer than the first sync of the largest cluster on the busiest machine takes. */
const hangMilliseconds = 300_000;

interface FamilyState {
  lastUpdated: Date | undefined;
  error: string | undefined;
  /** Monotonic time at which the oldest update was queued that no sync has taken up. */
  queuedSince: number | undefined;
  /** Monotonic time at which the sync under way began; undefined while there is none. */
  syncingSince: number | undefined;
  /** As queuedSince, for updates that the sync under way has taken up. */
  inFlightSince: number | undefined;
}

/**
 * Knows whether the proxy keeps up: healthy as long as no queued update waits longer than the time-out for its way
 * into the kernel. Idle is healthy and starting is healthy, as in kube-proxy.
 *
 * Better than kube-proxy in two points: a sync that fails counts as a waiting update even if none was queued (so the
 * very first one counts), and an update queued while a sync is under way is not settled by that sync.
 */
export class ProxyHealth {
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #families: Map<Family, FamilyState>;
  #nodeEligible = true;

  /** `timeoutMilliseconds`: twice the sync period. `families`: those that this node's proxy serves. */
  constructor(options: { clock: Clock; timeoutMilliseconds: number; families: readonly Family[] }) {
    this.#clock = options.clock;
    this.#timeout = options.timeoutMilliseconds;
    this.#families = new Map(options.families.map((family) => [family, newState()]));
  }

  /** An event arrived that the kernel has to learn of. */
  queuedUpdate(family: Family): void {
    const state = this.#state(family);
    state.queuedSince ??= this.#clock.monotonic();
  }

  /** A sync begins that takes up everything queued so far. */
  syncStarted(family: Family): void {
    const state = this.#state(family);
    state.syncingSince = this.#clock.monotonic();
    state.inFlightSince ??= state.queuedSince;
    state.queuedSince = undefined;
  }

  /** The kernel holds everything that was queued before the sync started (or before now, if its start was not told). */
  synced(family: Family): void {
    const state = this.#state(family);
    if (state.syncingSince === undefined) state.queuedSince = undefined;
    state.syncingSince = undefined;
    state.inFlightSince = undefined;
    state.error = undefined;
    state.lastUpdated = new Date(this.#clock.wall());
  }

  /** The sync did not reach the kernel; what it was about keeps waiting. */
  failed(family: Family, error: string): void {
    const state = this.#state(family);
    state.queuedSince = state.inFlightSince ?? state.queuedSince ?? this.#clock.monotonic();
    state.syncingSince = undefined;
    state.inFlightSince = undefined;
    state.error = error;
  }

  /** Whether load balancers should send traffic to this node. Until the first call it is taken for eligible. */
  setNodeEligible(eligible: boolean): void {
    this.#nodeEligible = eligible;
  }

  /** Whether the proxy keeps up, whatever the state of the node. */
  get healthy(): boolean {
    return [...this.#families.values()].every((state) => this.#familyHealthy(state));
  }

  /** Whether a sync goes on for so long that it will never end: what a restart of the process can help. */
  get hangs(): boolean {
    const now = this.#clock.monotonic();
    return [...this.#families.values()].some(
      ({ syncingSince }) => syncingSince !== undefined && now - syncingSince >= hangMilliseconds,
    );
  }

  report(): HealthReport {
    const families = new Map<Family, FamilyHealth>();
    for (const [family, state] of this.#families) {
      const { lastUpdated, error } = state;
      families.set(family, { healthy: this.#familyHealthy(state), lastUpdated, error });
    }
    const all = [...families.values()];
    const behind = all.find((family) => !family.healthy);
    return {
      healthy: behind === undefined,
      nodeEligible: this.#nodeEligible,
      lastUpdated: behind === undefined ? latest(all) : behind.lastUpdated,
      families,
    };
  }

  #familyHealthy(state: FamilyState): boolean {
    const since = state.inFlightSince ?? state.queuedSince;
    return since === undefined || this.#clock.monotonic() - since < this.#timeout;
  }

  #state(family: Family): FamilyState {
    const state = this.#families.get(family);
    if (state === undefined) throw new Error(`IPv${family} is not among the families of this proxy`);
    return state;
  }
}

function newState(): FamilyState {
  return {
    lastUpdated: undefined,
    error: undefined,
    queuedSince: undefined,
    syncingSince: undefined,
    inFlightSince: undefined,
  };
}

function latest(families: readonly FamilyHealth[]): Date | undefined {
  let newest: Date | undefined;
  for (const { lastUpdated } of families) {
    if (lastUpdated !== undefined && (newest === undefined || lastUpdated > newest)) newest = lastUpdated;
  }
  return newest;
}
