/** An agent's Lease as a list shows it. */
export interface SeenLease {
  /** Its renewTime as it is written: on the agent's clock, so that it is compared for equality only, and shown. */
  readonly renewed: string | undefined;
}

interface Heartbeat extends SeenLease {
  readonly unchangedSeconds: number;
}

/**
 * Which agents have been silent for longer than their Leases hold, from looks at all Leases now and then.
 *
 * Clocks of different machines are never compared: a Lease has run out when it has not _changed_ for its duration, as
 * measured here (kube-controller-manager does the same with those of kubelets). Time in which nobody looked, because the
 * API server was away from here too, counts as one interval: it does not speak against the agents.
 */
export class Pulse {
  readonly #longestStep: number;
  #heartbeats = new Map<string, Heartbeat>();
  #lookedAt: number | undefined;

  /** @param intervalSeconds between two looks */
  constructor(intervalSeconds: number) {
    this.#longestStep = intervalSeconds * 1.5;
  }

  /**
   * One look.
   *
   * @param leases by name
   * @param expected by name of all that should have one, for how many seconds it holds
   * @param now monotonic, in seconds
   * @returns the names of those that are silent, as of now
   */
  look(leases: ReadonlyMap<string, SeenLease>, expected: ReadonlyMap<string, number>, now: number): Set<string> {
    const step = this.#lookedAt === undefined ? 0 : Math.min(now - this.#lookedAt, this.#longestStep);
    this.#lookedAt = now;
    const before = this.#heartbeats;
    this.#heartbeats = new Map(
      [...expected.keys()].map((name) => {
        // One that was deleted is not renewed, either.
        const renewed = leases.get(name)?.renewed;
        const last = before.get(name);
        const unchanged = last !== undefined && (renewed === undefined || last.renewed === renewed);
        const lastRenewed = renewed ?? last?.renewed;
        return [name, { renewed: lastRenewed, unchangedSeconds: unchanged ? last.unchangedSeconds + step : 0 }];
      }),
    );
    return new Set(
      [...this.#heartbeats]
        .filter(([name, beat]) => beat.unchangedSeconds >= (expected.get(name) ?? 0))
        .map(([name]) => name),
    );
  }

  /** It has been heard of in another way. */
  heard(name: string): void {
    const known = this.#heartbeats.get(name);
    if (known !== undefined) this.#heartbeats.set(name, { ...known, unchangedSeconds: 0 });
  }

  /** When its Lease was renewed last, by the agent's own clock; undefined if it has none or is not known. */
  lastRenewed(name: string): string | undefined {
    return this.#heartbeats.get(name)?.renewed;
  }
}
