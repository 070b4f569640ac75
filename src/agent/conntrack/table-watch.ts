import type { ConntrackOccupancy } from '../../conntrack/index.ts';
import { every } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';

const restMilliseconds = 10_000;
/** While packets go on being dropped, that is said so often; without any for as long, it is over. */
const sayAgainMilliseconds = 60_000;

interface TableWatchOptions {
  readonly occupancy: () => Promise<ConntrackOccupancy>;
  /** Told when new connections begin to fail for want of room, in a sentence for people. */
  readonly full: (message: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Looks every ten seconds whether the table of connections is full. The kernel then drops the first packet of every new
 * connection, to Services and past them, and says so in its own log only; what is open goes on.
 */
export class TableWatch {
  readonly #o: TableWatchOptions;
  #current: ConntrackOccupancy | undefined;
  /** Monotonic times while packets are dropped: of the last ones, and when it was said last. */
  #trouble: { droppedAt: number; saidAt: number; dropped: number } | undefined;
  #failed = false;
  #end: (() => void) | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: TableWatchOptions) {
    this.#o = options;
  }

  /** As last seen; undefined before the first look, and while it cannot be read. */
  get current(): ConntrackOccupancy | undefined {
    return this.#current;
  }

  /** Begins to look. */
  start(): void {
    const look = (): void => {
      this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    };
    look();
    this.#end ??= every(this.#o.clock, restMilliseconds, look);
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#end?.();
    await this.#looking;
  }

  /** Never rejects: what cannot be read is said once. */
  async #look(): Promise<void> {
    const before = this.#current;
    try {
      this.#current = await this.#o.occupancy();
      this.#failed = false;
    } catch (error) {
      this.#current = undefined;
      if (!this.#failed) this.#o.log.warn('cannot read how full the table of connections is', { error });
      this.#failed = true;
      return;
    }
    if (before !== undefined) this.#compare(before, this.#current);
  }

  #compare(before: ConntrackOccupancy, { entries, limit, dropped }: ConntrackOccupancy): void {
    const { clock, log, full } = this.#o;
    const now = clock.monotonic();
    const trouble = this.#trouble;
    if (dropped > before.dropped) {
      const known = trouble ?? { saidAt: -Infinity, dropped: before.dropped };
      const due = now - known.saidAt >= sayAgainMilliseconds;
      this.#trouble = { droppedAt: now, saidAt: due ? now : known.saidAt, dropped: known.dropped };
      if (due) log.warn(fullMessage(limit), { entries, limit, dropped: dropped - known.dropped });
      if (trouble === undefined) full(fullMessage(limit));
    } else if (trouble !== undefined && now - trouble.droppedAt >= sayAgainMilliseconds) {
      this.#trouble = undefined;
      log.info('the table of connections has room again', { entries, limit, dropped: dropped - trouble.dropped });
    }
  }
}

function fullMessage(limit: number): string {
  return (
    `the table of connections is full (nf_conntrack_max is ${limit}): new connections fail on this node; ` +
    'raise conntrack.maxPerCore or conntrack.min of the ProxyConfig, or see who opens so many'
  );
}
