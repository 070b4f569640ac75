import type { Family, Protocol } from '../../../services/index.ts';
import type { ConntrackTable } from '../cleaner.ts';
import type { ConntrackSection } from '../stale-connection-tracker.ts';
import type { TrackedConnection } from '../what-is-stale.ts';

/** An address and port. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

/** Connection tracking in memory, for tests: reads and deletions can be made to fail. */
export class FakeConntrackTable implements ConntrackTable<TrackedConnection> {
  readonly all = new Set<TrackedConnection>();
  readonly reads: ConntrackSection[] = [];
  failing = false;
  deletesFail = 0;
  readonly #missed = new Set<TrackedConnection>();
  #client = 1024;

  scan({ family, protocol }: ConntrackSection, visit: (entry: TrackedConnection) => void): Promise<void> {
    this.reads.push({ family, protocol });
    if (this.failing) return Promise.reject(new Error('dump interrupted'));
    for (const entry of this.all) {
      if (entry.family !== family || entry.protocol !== protocol) continue;
      if (this.#missed.delete(entry)) continue;
      visit(entry);
    }
    return Promise.resolve();
  }

  /** The next reading passes over the entry, as one does that the kernel moves meanwhile. */
  missNextTime(entry: TrackedConnection): void {
    this.#missed.add(entry);
  }

  delete(entry: TrackedConnection): Promise<boolean> {
    if (this.deletesFail > 0) {
      this.deletesFail--;
      return Promise.reject(new Error('no'));
    }
    return Promise.resolve(this.all.delete(entry));
  }

  /** A client's first packet to `to`, sent on to `via`. */
  add(
    protocol: Protocol,
    to: Target,
    via: Target,
    { seenReply = false, family = 4 }: { seenReply?: boolean; family?: Family } = {},
  ): TrackedConnection {
    const client = { address: '10.244.0.9', port: this.#client++ };
    const entry = {
      family,
      protocol,
      seenReply,
      original: { source: client.address, sourcePort: client.port, destination: to.address, destinationPort: to.port },
      reply: { source: via.address, sourcePort: via.port, destination: client.address, destinationPort: client.port },
    };
    this.all.add(entry);
    return entry;
  }
}
