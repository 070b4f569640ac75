import { maximumBusiest, rfc3339 } from '../../api/index.ts';
import type { BusiestServicePorts } from '../../api/index.ts';
import type { ConnectionCount } from '../../dataplane/index.ts';
import { jittered } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';

/** Soon after the start somebody wants to see something; then it is for people, and each time is a write of the status. */
const firstMilliseconds = 60_000;
const restMilliseconds = 900_000;

interface BusiestOptions {
  /** Reads the kernel's counters, which an earlier agent may have begun. */
  readonly counts: () => Promise<Iterable<ConnectionCount>>;
  /** Told when there is something new to report. */
  readonly changed: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Counts new connections by Service port over a quarter of an hour, for the node's status: the ten with the most. So seldom,
 * and so few, because each is a write that the API server keeps and an operator reads (decision 33).
 */
export class Busiest {
  readonly #o: BusiestOptions;
  /** What the kernel said last, by name, and when, on the monotonic clock. */
  #before: { readonly totals: ReadonlyMap<string, number>; readonly at: number } | undefined;
  #current: BusiestServicePorts | undefined;
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: BusiestOptions) {
    this.#o = options;
  }

  /** Of the last time; undefined before the first, and when nobody connected. */
  get current(): BusiestServicePorts | undefined {
    return this.#current;
  }

  /** Begins to count. */
  start(): void {
    this.#look(firstMilliseconds);
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#running;
  }

  #look(next: number): void {
    this.#running = this.#count().then(() => {
      if (!this.#stopped) this.#cancel = this.#o.clock.after(jittered(next, 0.2), () => this.#look(restMilliseconds));
    });
  }

  /** Never rejects: what cannot be read now may be later. */
  async #count(): Promise<void> {
    try {
      const totals = sums(await this.#o.counts());
      const { clock } = this.#o;
      const at = clock.monotonic();
      const before = this.#before;
      this.#before = { totals, at };
      if (before === undefined) return;
      const servicePorts = most(before.totals, totals);
      const had = this.#current !== undefined;
      // Somebody may have set the clock: what lies between the two is what has passed all the same.
      const now = clock.wall();
      const [since, until] = [rfc3339(new Date(now - (at - before.at))), rfc3339(new Date(now))];
      this.#current = servicePorts.length === 0 ? undefined : { since, until, servicePorts };
      if (had || this.#current !== undefined) this.#o.changed();
    } catch (error) {
      this.#o.log.warn('cannot read the connection counters; trying again later', { error });
    }
  }
}

function sums(counts: Iterable<ConnectionCount>): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { namespace, service, port, connections } of counts) {
    const name = `${namespace}/${service}${port === '' ? '' : `:${port}`}`;
    totals.set(name, (totals.get(name) ?? 0) + connections);
  }
  return totals;
}

/** A total that is less than before began anew: the Service port was made again. */
function most(
  before: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
): BusiestServicePorts['servicePorts'] {
  return [...now]
    .map(([name, total]) => {
      const known = before.get(name) ?? 0;
      return { name, connections: total < known ? total : total - known };
    })
    .filter(({ connections }) => connections > 0)
    .sort((a, b) => b.connections - a.connections || (a.name < b.name ? -1 : 1))
    .slice(0, maximumBusiest);
}
